"""Every attack, one list. A breach of any of them is a breach of the sandbox."""

from sandbox import attacks_hunger, attacks_kernel, attacks_reach, attacks_result

ALL = [*attacks_reach.ALL, *attacks_kernel.ALL, *attacks_hunger.ALL, *attacks_result.ALL]

# Each class of the threat model, so that none is lost unnoticed.
KINDS = {
    "network", "files", "writes", "environment", "proc", "signals", "tracing", "keyrings", "mounts", "namespaces", "calls",
    "foreign calls", "privilege", "devices", "clocks", "terminals", "fork bombs", "memory bombs", "cpu", "time", "disk",
    "output", "survivors", "spoofing", "result files", "bytes", "crashes",
}  # fmt: skip
