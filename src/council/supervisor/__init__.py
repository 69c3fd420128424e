"""Starts, watches, restarts and replaces the services; owns the public sockets. `council up` is `supervisor.run`.

`lifecycle` decides and is pure; `service` and `children` carry out; `supervisor` holds all services of a home; `control`
takes commands; `ownership` makes it the only one of its home.
"""

from council.supervisor.main import run

__all__ = ["run"]
