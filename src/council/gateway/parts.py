"""Everything that the gateway's routes need, made once by the composition root."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping

from council import care_ports, dashboard_ports, kept_ports, ports
from council.domain import config as config_module
from council.domain import patches, providers
from council.gateway import auth, guests, limits, spans, trial
from council.gateway import used as used_module
from council.serving import overrides as in_force
from council.serving import pipeline as pipeline_module
from council.serving.providers import calls as calls_module
from council.serving.providers import keyring
from council.serving.router import learning as learning_module


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """`pings` maps the name of each part the gateway leans on to a call that raises if it is away.

    `model_away` has the local model refuse at once what it is asked, for so many seconds. `closing` is set when this process
    is told to stop: what would never end by itself ends then. `tracing` is None where requests are not followed.
    """

    config: config_module.Config
    records: ports.Records
    incidents: kept_ports.Incidents
    snapshots: kept_ports.Snapshots
    repairs: kept_ports.Repairs
    guidebook: care_ports.Guidebook
    watch: care_ports.Watch
    pipeline: pipeline_module.Pipeline
    trials: trial.Trials
    calls: calls_module.Calls
    sandbox: ports.Sandbox
    memories: ports.Memories
    retriever: ports.Retriever
    learning: learning_module.Learning
    doorkeeper: auth.Doorkeeper
    limiter: limits.RateLimiter
    overrides: kept_ports.Overrides
    in_force: in_force.InForce
    guests: guests.Guests
    chats: dashboard_ports.Chats
    turn_log: dashboard_ports.TurnLog
    changes: dashboard_ports.Changes
    library: dashboard_ports.Library
    blueprint: dashboard_ports.Blueprint
    catalogue: providers.Catalogue
    keys: keyring.Keyring
    used: used_module.Used
    pings: Mapping[str, Callable[[], Awaitable[None]]]
    model_away: Callable[[float], None] = lambda _: None
    tracing: spans.Tracing | None = None
    closing: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    @property
    def label(self) -> patches.Label:
        """What this process says it is of; another after `Door.relabel`."""
        return self.pipeline.label

    def relabel(self, label: patches.Label) -> None:
        """Have every answer from now on name this generation, those to marked questions too."""
        self.pipeline.relabel(label)
        self.trials.pipeline.relabel(label)
