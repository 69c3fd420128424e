"""What every service process does first and last: take over what the supervisor passed, log, say ready, drain, exit.

    environment = harness.begin()
    harness.setup_logging(environment.name)
    sock = environment.tcp_socket("public", host, port)
    harness.serve(app, sock, environment, drain_s=config.gateway.drain_s)

The contract with the supervisor is in variables: COUNCIL_SERVICE, COUNCIL_REPLICA, COUNCIL_GENERATION,
COUNCIL_SUPERVISOR_PID, COUNCIL_SOCKETS (`name:descriptor,...`) and COUNCIL_READY_FD. SIGTERM means drain and exit 0.
Through the last it says `ready`, and what has an event loop then a dot every `STIR_S`: one that hangs falls silent.

A service of a generation that is tried beside the live one gets a socket of its own in COUNCIL_SOCKETS, and in COUNCIL_WAITING
the live one's of the same name, which it serves in its place once it is told to: by COUNCIL_ORDERS_FD, see `domain.orders`. It
answers each order with `!` on the ready line. COUNCIL_PEERS says where it finds the others, see `domain.home`.
A service started by hand has none of them and runs all the same.
"""

import contextlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from council.domain import orders
from council.kit import json_logs, listeners, process
from council.services import obeying, tracing

if TYPE_CHECKING:
    from council.services import second_port

request_id = json_logs.request_id


STIR_S = 1.0


class ReadyLine:
    """The pipe on which a service says once that it can serve, and from then on that it stirs."""

    def __init__(self, descriptor: int):
        self._descriptor: int | None = descriptor
        self._said = b"ready\n"

    def send(self) -> None:
        """Write the line and close the pipe; later calls do nothing."""
        self.stir()
        self.drop()

    def drop(self) -> None:
        """Close the pipe as it is. Idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def stir(self) -> None:
        """Write the line the first time, then a dot each time: the event loop turns."""
        if self._descriptor is None:
            return
        os.set_blocking(self._descriptor, False)
        said, self._said = self._said, b"."
        try:
            os.write(self._descriptor, said)
        except BlockingIOError:
            # A supervisor that was stopped for hours reads what is there when it goes on.
            pass
        except BrokenPipeError:
            logging.getLogger(__name__).warning("nobody waits for the ready line")
            os.close(self._descriptor)
            self._descriptor = None

    def heard(self) -> None:
        """Say once more that it stirs: it has heard that it is to end. What is not ready says nothing."""
        if self._said == b".":
            self.stir()

    def obeyed(self) -> None:
        """Say that an order has been carried out."""
        if self._descriptor is not None:
            # A supervisor that was stopped for hours has news enough in the pipe.
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self._descriptor, b"!")

    def hand_on(self) -> int:
        """Give the pipe away, to who will write the line in this process's place; -1 if it was used."""
        descriptor, self._descriptor = self._descriptor, None
        return -1 if descriptor is None else descriptor


@dataclass(slots=True)
class ServiceEnvironment:
    """Who this process is and what it was given. `sockets` are listening, non-blocking, by name.

    `generation` becomes the one that the supervisor says is live. `waiting` are sockets to serve from then on.
    """

    name: str
    replica: int
    generation: str
    sockets: Mapping[str, socket.socket]
    ready_line: ReadyLine | None = field(default=None, repr=False)
    waiting: Mapping[str, socket.socket] = field(default_factory=dict)
    told: obeying.Orders | None = field(default=None, repr=False)

    def ready(self) -> None:
        """Tell the supervisor that this service can serve. Idempotent; nothing happens without a supervisor."""
        if self.ready_line is not None:
            self.ready_line.send()

    def stir(self, is_well: Callable[[], bool]) -> None:
        """Say ready, then from the running event loop that it turns, as long as `is_well`. In place of `ready`."""
        # Here, not above: the zygote has no event loop.
        import asyncio

        line, loop = self.ready_line, asyncio.get_running_loop()
        if line is None:
            return

        def again() -> None:
            if is_well():
                line.stir()
            loop.call_later(STIR_S, again)

        again()

    def obey(self, carry_out: Callable[[orders.Order], Awaitable[None]]) -> None:
        """Carry out the supervisor's orders from the running event loop on; `generation` is up to date by then."""
        if self.told is None:
            return

        async def carry_out_known(order: orders.Order) -> None:
            self.generation = order.generation or self.generation
            await carry_out(order)

        self.told.follow(carry_out_known, self.ready_line.obeyed if self.ready_line else lambda: None)

    def successor_of(self, serving: socket.socket) -> socket.socket | None:
        """Return the live generation's socket of the name that this one has; None where nothing is waited for."""
        return next((self.waiting.get(name) for name, one in self.sockets.items() if one is serving), None)

    def tcp_socket(self, name: str, host: str, port: int) -> socket.socket:
        """Return the inherited listening socket of that name; started by hand, open one. Before the confinement."""
        return self.sockets.get(name) or listeners.tcp(host, port)

    def unix_socket(self, name: str, path: Path) -> socket.socket:
        """Return the inherited listening socket of that name; started by hand, open one. Before the confinement."""
        return self.sockets.get(name) or listeners.unix(path, 0o600)


def begin(name: str = "", *, traceable: bool = False) -> ServiceEnvironment:
    """Tie this process to its supervisor and take over what it passed. Call it before anything slow, once.

    `name` is who this is when no supervisor says so, `traceable` that it will call `tracing.listen`. Exits at once if the
    supervisor is already gone.
    """
    if traceable:
        tracing.hold_back()
    supervisor_pid = os.environ.get("COUNCIL_SUPERVISOR_PID")
    if supervisor_pid is not None:
        process.set_parent_death_signal(signal.SIGTERM)
        # The supervisor may have ended before the line above, and then no signal will ever come.
        if os.getppid() != int(supervisor_pid):
            raise SystemExit("the supervisor that started this service is gone")
    # Taken out, so that no child of this service mistakes the descriptors for its own.
    sockets, waiting = (os.environ.pop(f"COUNCIL_{name}", "") for name in ("SOCKETS", "WAITING"))
    ready, told = (os.environ.pop(f"COUNCIL_{name}_FD", "") for name in ("READY", "ORDERS"))
    for descriptor in (ready, told):
        if descriptor:
            os.set_inheritable(int(descriptor), False)
    return ServiceEnvironment(
        name=os.environ.get("COUNCIL_SERVICE", name),
        replica=int(os.environ.get("COUNCIL_REPLICA", "0")),
        generation=os.environ.get("COUNCIL_GENERATION", ""),
        sockets=_inherited(sockets),
        ready_line=ReadyLine(int(ready)) if ready else None,
        waiting=_inherited(waiting),
        told=obeying.Orders(int(told)) if told else None,
    )


def _inherited(entries: str) -> dict[str, socket.socket]:
    found = {}
    for entry in filter(None, entries.split(",")):
        name, _, descriptor = entry.rpartition(":")
        os.set_inheritable(int(descriptor), False)
        found[name] = socket.socket(fileno=int(descriptor))
        found[name].setblocking(False)
    return found


def setup_logging(service: str, level: int = logging.INFO) -> None:
    """Log JSON lines on stderr: ts, level, service, replica, logger, message, request_id if set, extra fields."""
    json_logs.set_up(service, int(os.environ.get("COUNCIL_REPLICA", "0")), level)


def serve(
    app: Callable[..., Any],
    sock: socket.socket,
    environment: ServiceEnvironment,
    *,
    drain_s: float,
    linger_s: float = 1.0,
    on_drain: Callable[[], None] | None = None,
    is_well: Callable[[], bool] = lambda: True,
    on_order: Callable[[orders.Order], None] = lambda _: None,
    second: "second_port.SecondPort | None" = None,
    **uvicorn_options: Any,
) -> None:
    """Serve an ASGI app over HTTP on a listening socket until SIGTERM or SIGINT, then drain and return.

    Says ready once the app's lifespan has started. At the signal it stops accepting, finishes every running request,
    answers what still arrives on open connections with `Connection: close`, closes a connection only after it was idle
    for `linger_s` (half of `drain_s` at most), and cuts what is left after `drain_s`. See `draining` for why.

    `on_drain` is called at the signal, to end what would never end by itself. Where `is_well` is false it counts as hung.

    An order of the supervisor is carried out for the socket, then given to `on_order`: at `live` a service that waits serves
    the live generation's socket in place of its own; at `leave` it accepts no more, and lets go of who is connected as in a
    drain, but stays. A Unix socket is served on: only those who leave with this service know it. `second` is a port that this
    service has beside, which carries the order out first; the app opens and closes it.

    `uvicorn_options` go to `uvicorn.Config` and win over the choices made here.
    """
    # Here, not above: services that speak no HTTP should not pay for it.
    from council.services import draining

    successor = environment.successor_of(sock)

    async def carry_out(order: orders.Order) -> None:
        nonlocal successor
        if second is not None:
            await second.obey(order)
        if order.word == orders.LEAVE and sock.family != socket.AF_UNIX:
            server.step_back()
        elif order.word == orders.LIVE and successor is not None:
            await server.move_to(successor)
            successor = None
        on_order(order)

    def started() -> None:
        environment.stir(is_well)
        environment.obey(carry_out)

    def drains() -> None:
        # Whatever takes long from here on, even where the loop does not turn for it: the supervisor waits.
        # What is not well already would take just as long to end: it is not waited for.
        if environment.ready_line is not None and is_well():
            environment.ready_line.heard()
        if on_drain is not None:
            on_drain()

    server = draining.made(
        app,
        started,
        drain_s=drain_s,
        linger_s=linger_s,
        on_drain=drains,
        options=uvicorn_options,
    )
    server.run(sockets=[sock])
