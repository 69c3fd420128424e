"""Keys of providers that come, change and go while calls are made."""

import random

import pytest

from council import ports
from council.domain import config, errors, money, providers
from council.serving.providers import attempts, calls, keyring
from council.testing import clock, provider

FAR = providers.Provider("far", url="https://far.example/v1")
NEAR = providers.Provider("near", url="http://127.0.0.1:9/v1", key="none")


class Server(provider.ScriptedProvider):
    """Says whether it was closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


class Home:
    """Keys as they lie there, and the servers that were made with them."""

    def __init__(self, **keys: str) -> None:
        self.keys = dict(keys)
        self.stamps = dict.fromkeys(keys, 1000)
        self.made: list[tuple[str, Server]] = []
        self.broken = False

    def put(self, name: str, key: str) -> None:
        self.keys[name] = key
        self.stamps[name] = self.stamps.get(name, 0) + 5_000

    def stamp(self, name: str) -> int | None:
        return self.stamps[name] if name in self.keys else None

    def server(self, one: providers.Provider) -> ports.ModelProvider | None:
        if self.broken:
            raise errors.SetupError("It cannot be read. Give it again.")
        if one.name not in self.keys:
            return None
        made = Server(one.name)
        self.made.append((self.keys[one.name], made))
        return made


def ring(home: Home, made: calls.Calls) -> keyring.Keyring:
    return keyring.Keyring({"far": FAR, "near": NEAR}, [made], home.stamp, home.server)


def bench(*, on: bool) -> calls.Calls:
    model = providers.Model(
        "m", (providers.Deployment("far", "m", money.Price(0, 0)),), 1000, 50, 0, frozenset()
    )  # fmt: skip
    servers = {"far": provider.ScriptedProvider("far")} if on else {}
    off = {} if on else {"far": keyring.why_off("far")}
    return calls.Calls(
        {"m": model}, servers, off, provider.Purse(), config.CallsConfig(), config.BudgetConfig(), clock.ManualClock(),
        random.Random(0),
    )  # fmt: skip


async def ask(made: calls.Calls) -> None:
    body = {"messages": [{"role": "user", "content": "x"}]}
    await made.whole(calls.Request("chat", "m", body, 100), attempts.Tab("id", "ada", "tok"))


async def test_a_provider_that_gets_a_key_is_asked_from_then_on() -> None:
    home, made = Home(), bench(on=False)
    keys = ring(home, made)
    assert not made.usable("m") and keys.set_us("far") is None
    with pytest.raises(errors.ProviderError, match="no key yet"):
        await ask(made)
    home.put("far", "one")
    await keys.look()
    assert made.usable("m") and made.states()["far"] == "unasked" and keys.set_us("far") == 5
    await ask(made)
    assert len(home.made[0][1].asked) == 1


async def test_another_key_makes_another_server_and_the_same_key_none() -> None:
    home, made = Home(far="one"), bench(on=True)
    keys = ring(home, made)
    await keys.look()
    assert not home.made
    home.put("far", "two")
    await keys.look()
    await keys.look()
    assert [key for key, _ in home.made] == ["two"]


async def test_a_provider_without_its_key_is_off_and_what_failed_before_is_forgotten() -> None:
    home, made = Home(far="one"), bench(on=True)
    keys = ring(home, made)
    del home.keys["far"]
    await keys.look()
    assert made.states()["far"] == "off" and "no key yet" in made.why_off("far")
    home.put("far", "two")
    await keys.look()
    assert made.states()["far"] == "unasked" and made.why_off("far") == ""


async def test_a_key_that_cannot_be_read_changes_nothing() -> None:
    home, made = Home(far="one"), bench(on=True)
    keys = ring(home, made)
    home.put("far", "two")
    home.broken = True
    await keys.look()
    assert made.usable("m")
    home.broken = False
    await keys.look()
    assert [key for key, _ in home.made] == ["two"]


async def test_servers_of_earlier_keys_are_closed_some_keys_later_and_all_at_the_end() -> None:
    home, made = Home(), bench(on=False)
    keys = ring(home, made)
    for number in range(12):
        home.put("far", str(number))
        await keys.look()
    closed = [one.closed for _, one in home.made]
    assert closed[0] and not closed[-1] and not closed[-2]
    await keys.close()
    assert all(one.closed for _, one in home.made)


async def test_a_key_that_cannot_be_looked_at_is_in_no_other_ones_way() -> None:
    wanted = {"bad": providers.Provider("bad", url="https://bad.example/v1"), "far": FAR}
    home, made = Home(), bench(on=False)

    def stamp(name: str) -> int | None:
        if name == "bad":
            raise PermissionError(13, "Permission denied")
        return home.stamp(name)

    keys = keyring.Keyring(wanted, [made], stamp, home.server)
    home.put("far", "one")
    await keys.look()
    assert made.usable("m") and keys.set_us("bad") is None
