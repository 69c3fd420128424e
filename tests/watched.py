"""A service as the watcher sees it: what this process tells, read and judged on a clock of its own."""

from pathlib import Path

import yaml

from council import telemetry
from council.domain import gates, gates_file, watching
from council.upkeep.gates import embedded
from council.upkeep.samples import exposition, recent

SHIPPED = yaml.safe_load((Path(__file__).parents[1] / "config" / "gates.yaml").read_text())
GATES = {one.name: one for one in gates_file.build(SHIPPED, SHIPPED)}
T0 = 1_800_000_000.0
STEP_S = 15.0
HOUR = 3600.0


class Watched:
    """One service, and what one of the shipped gates says of it. No test waits for its time to pass."""

    def __init__(self, gate: str, service: str = "gateway") -> None:
        self.gate, self.service = GATES[gate], service
        self.now_s = T0
        self._seen = recent.Recent(5 * HOUR, 1000)

    def read(self, minutes: float = STEP_S / 60) -> None:
        """Read what the service tells for so long, during which it stays as it is."""
        told = exposition.read(telemetry.render().decode(), gates.metrics(self.gate), self.service)
        for _ in range(round(minutes * 60 / STEP_S)):
            self.now_s += STEP_S
            self._seen.take(watching.Scrape(self.service, self.now_s, told))

    @property
    def judged(self) -> gates.Judged:
        """What the gate says now."""
        seen = embedded.measure(self.gate, self._seen, self.now_s)
        verdict, reason = gates.judge(self.gate, seen)
        return gates.Judged(
            self.gate, verdict, seen.value, reason, seen.samples, seen.window_s, "embedded", "0" * 40, self.now_s
        )

    @property
    def verdict(self) -> gates.Verdict:
        """Its verdict alone."""
        return self.judged.verdict
