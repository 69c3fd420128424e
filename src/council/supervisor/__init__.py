"""Starts, watches, restarts and replaces the services; owns the public sockets. `council up` is this."""
