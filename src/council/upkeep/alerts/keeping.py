"""Saves what the desk decides, and has it delivered. The one module of alerts that does I/O, through the ports.

A notice is saved, together with its incident, before it is sent, and as sent only afterwards: who is killed in between sends it
twice rather than never. Records that are away stop neither: what could not be saved waits here and is saved later. A channel
gets its notices in order. What it refuses for too long is kept as failed, and `council doctor` says so.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace

from council import care_ports, kept_ports
from council.domain import alerting, errors, incidents
from council.kit import clock as clock_module
from council.upkeep.alerts import desk as desks

_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 300.0
_TRIM_S = 3600.0
_UNSAVED_MAX = 1000
# Whoever did not observe for so long reads anew what goes on: another process may have stood in.
_AWAY_S = 10.0
# How often it looks for notices that another process has left, as the steward does.
_LEFT_S = 15.0

_log = logging.getLogger(__name__)

_Way = tuple[str, str]


class Keeping:
    """One desk with its records and channels. `observe` and `deliver` may be called by two different threads."""

    def __init__(
        self,
        desk: desks.Desk,
        kept: kept_ports.Incidents,
        notifiers: Sequence[care_ports.Notifier],
        settings: alerting.AlertsConfig,
        clock: clock_module.Clock,
        only: str = "",
    ):
        """`only` names the one alert whose incidents this goes on with; "" for all."""
        self._desk = desk
        self._kept = kept
        self._notifiers = {one.channel: one for one in notifiers}
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        # One save at a time, or an older state could come to lie over a newer one.
        self._saving = threading.Lock()
        self._only = only
        self._taken_up = False
        self._observed_s = clock.monotonic_s()
        self._silences: list[incidents.Silence] = []
        self._unsaved: dict[str, incidents.Incident] = {}
        # In the order in which they came to be, which is that of their ids.
        self._waiting: dict[_Way, incidents.Parcel] = {}
        self._unsaved_parcels: dict[_Way, incidents.Parcel] = {}
        self._trimmed_s: float | None = None
        self._looked_s: float | None = None

    def observe(self, observations: Sequence[incidents.Observation]) -> desks.Outcome:
        """Take in one round of observations; return what it changed. Raises nothing where the records are away."""
        at_us = self._clock.now_us()
        self._read(at_us)
        outcome = self._desk.observe(observations, self._silences, at_us)
        with self._lock:
            self._unsaved |= {one.id: one for one in outcome.changed}
            for notice in outcome.notices:
                for channel in self._notifiers:
                    self._note(incidents.Parcel(notice, channel))
            self._bound()
        self._save()
        return outcome

    def deliver(self) -> int:
        """Send what is due, each channel's oldest first; return how many notices were delivered."""
        sent = 0
        for channel in self._channels():
            while (parcel := self._due(channel)) is not None:
                after = self._sent(parcel)
                with self._lock:
                    self._note(after)
                if after.delivery is incidents.Delivery.WAITING:
                    break
                sent += after.delivery is incidents.Delivery.SENT
        self._save()
        return sent

    @property
    def waiting(self) -> int:
        """How many notices are not delivered yet."""
        with self._lock:
            return len(self._waiting)

    def firing(self, name: str) -> set[incidents.Labels]:
        """Return of what the alert of this name fires."""
        alerts = [member.alert for one in self._desk.open for member in one.members if member.fires]
        return {one.labels for one in alerts if one.name == name}

    def _read(self, at_us: int) -> None:
        """Read the silences, and once what an earlier process left; go on with what is known where that fails."""
        try:
            self._silences = self._kept.silences(at_us)
            now_s = self._clock.monotonic_s()
            passed_s, self._observed_s = now_s - self._observed_s, now_s
            self._taken_up = self._taken_up and passed_s < _AWAY_S
            if not self._taken_up:
                found = self._kept.newest(desks.OPEN_MAX, standing=incidents.Standing.OPEN)
                found = [one for one in found if one.id not in self._unsaved and _is_about(one, self._only)]
                with self._lock:
                    self._unsaved |= {one.id: one for one in self._desk.take_up(found, at_us)}
                self._looked_s = None
                self._taken_up = True
            if self._looked_s is None or now_s - self._looked_s >= _LEFT_S:
                self._take_left()
                self._looked_s = now_s
        except errors.RecordsUnavailableError as error:
            _log.warning("silences and open incidents could not be read", extra={"detail": error.detail})

    def _take_left(self) -> None:
        """Take over what waits in the records, from before or from another process."""
        # Nothing is saved meanwhile, or what was sent and saved after it was read here would be sent again.
        with self._saving:
            left = self._kept.parcels(incidents.Delivery.WAITING, self._settings.notices_max)
            if everywhere := [one for one in left if one.channel == incidents.EVERY_CHANNEL]:
                made = [each for one in everywhere for each in self._handed_on(one)]
                # Before any of it is sent: who is killed here leaves it as it was, or handed on.
                self._kept.save([], made)
                left = [one for one in (*left, *made) if one.channel != incidents.EVERY_CHANNEL]
            with self._lock:
                by_way = {(one.notice.id, one.channel): one for one in left}
                waiting = {way: one for way, one in by_way.items() if one.delivery is incidents.Delivery.WAITING}
                # What was sent and could not be saved as that waits in the records still.
                self._waiting = {
                    way: one for way, one in waiting.items() if way not in self._unsaved_parcels
                } | self._waiting

    def _handed_on(self, parcel: incidents.Parcel) -> list[incidents.Parcel]:
        """Return a parcel for every channel as it is after it was made one for each."""
        if not self._notifiers:
            reason = "there is no channel: `alerts.channels` is empty"
            return [replace(parcel, delivery=incidents.Delivery.FAILED, reason=reason)]
        return [
            replace(parcel, delivery=incidents.Delivery.SENT, reason="handed on to every channel"),
            *(replace(parcel, channel=channel) for channel in self._notifiers),
        ]

    def _note(self, parcel: incidents.Parcel) -> None:
        way = (parcel.notice.id, parcel.channel)
        self._unsaved_parcels[way] = parcel
        if parcel.delivery is incidents.Delivery.WAITING:
            self._waiting[way] = parcel
        else:
            self._waiting.pop(way, None)

    def _bound(self) -> None:
        """Give up the oldest notices where too many wait; they are kept as failed."""
        for way in list(self._waiting)[: max(0, len(self._waiting) - self._settings.notices_max)]:
            self._note(
                replace(self._waiting[way], delivery=incidents.Delivery.FAILED, reason="too many notices waited")
            )
        for identifier in list(self._unsaved)[: max(0, len(self._unsaved) - _UNSAVED_MAX)]:
            _log.error(
                "the records are away for so long that an incident is lost to them",
                extra={"incident": identifier, "title": self._unsaved.pop(identifier).title},
            )
        lost = list(self._unsaved_parcels)[: max(0, len(self._unsaved_parcels) - 2 * self._settings.notices_max)]
        for way in lost:
            parcel = self._unsaved_parcels.pop(way)
            _log.error(
                "the records are away for so long that what became of a notice is no longer kept",
                extra={"title": parcel.notice.title, "channel": parcel.channel, "delivery": str(parcel.delivery)},
            )

    def _save(self) -> None:
        """Save all that is not saved yet, in one transaction. What the records do not take now waits for the next round."""
        with self._saving:
            self._save_now()

    def _save_now(self) -> None:
        with self._lock:
            changed, parcels = dict(self._unsaved), dict(self._unsaved_parcels)
        if not (changed or parcels):
            return
        try:
            self._kept.save(list(changed.values()), list(parcels.values()))
            self._trim()
        except errors.RecordsUnavailableError as error:
            _log.warning("incidents could not be saved; the next round tries again", extra={"detail": error.detail})
            return
        with self._lock:
            # What has changed meanwhile is not saved yet.
            self._unsaved = {key: one for key, one in self._unsaved.items() if changed.get(key) is not one}
            self._unsaved_parcels = {
                way: one for way, one in self._unsaved_parcels.items() if parcels.get(way) is not one
            }

    def _trim(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._trimmed_s is None or now_s - self._trimmed_s >= _TRIM_S:
            self._kept.trim(self._settings.incidents_max, self._settings.notices_max, self._clock.now_us())
            self._trimmed_s = now_s

    def _channels(self) -> list[str]:
        with self._lock:
            return list(dict.fromkeys(channel for _, channel in self._waiting))

    def _due(self, channel: str) -> incidents.Parcel | None:
        """Return the oldest notice that waits for a channel, if its time has come."""
        with self._lock:
            oldest = next((one for (_, to), one in self._waiting.items() if to == channel), None)
        now_us = self._clock.now_us()
        # A clock that was set back makes no notice wait for longer than the longest wait.
        early = oldest is not None and 0 < oldest.next_us - now_us <= _LONGEST_WAIT_S * 1_000_000
        return None if early else oldest

    def _sent(self, parcel: incidents.Parcel) -> incidents.Parcel:
        """Try to deliver a notice once; return how far it has come."""
        notifier = self._notifiers.get(parcel.channel) or self._heir(parcel.channel)
        if notifier is None:
            return replace(parcel, delivery=incidents.Delivery.FAILED, reason="there is no such channel any more")
        try:
            notifier.send(parcel.notice)
        except errors.NotifyError as error:
            return self._failed(parcel, error.message, error.retry_after_s or 0)
        except Exception:  # noqa: BLE001 - whatever one channel does, the others' notices must go out
            _log.exception("a channel failed in a way that nobody foresaw", extra={"channel": parcel.channel})
            return self._failed(parcel, "Internal error; the watcher's log has it.")
        return replace(parcel, delivery=incidents.Delivery.SENT, tries=parcel.tries + 1, reason="")

    def _heir(self, channel: str) -> care_ports.Notifier | None:
        """Return the channel to the address of this name that is of another kind now, as after another address was given."""
        name = channel.partition(":")[2]
        return next((one for key, one in self._notifiers.items() if name and key.partition(":")[2] == name), None)

    def _failed(self, parcel: incidents.Parcel, reason: str, after_s: float = 0.0) -> incidents.Parcel:
        tries = parcel.tries + 1
        given_up = tries >= self._settings.tries_max
        wait_s = min(_LONGEST_WAIT_S, max(after_s, _FIRST_WAIT_S * 2.0 ** (tries - 1)))
        _log.warning(
            "a notice could not be delivered",
            extra={"channel": parcel.channel, "reason": reason, "tries": tries, "given_up": given_up},
        )
        return replace(
            parcel,
            delivery=incidents.Delivery.FAILED if given_up else incidents.Delivery.WAITING,
            tries=tries,
            next_us=self._clock.now_us() + round(wait_s * 1_000_000),
            reason=reason,
        )


def _is_about(one: incidents.Incident, only: str) -> bool:
    return not only or all(member.alert.name == only for member in one.members)
