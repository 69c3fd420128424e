"""Starts, watches, restarts and replaces the services; owns the public sockets. `council up` is `supervisor.run`.

`lifecycle` decides and is pure; `service` and `children` carry out; `generations` has the services that are live, and those of
another generation beside them; `sockets` opens what they listen on; `supervisor` holds all of a home; `control` takes commands;
`ownership` makes it the only one of its home.
"""

from council.supervisor.main import run

__all__ = ["run"]
