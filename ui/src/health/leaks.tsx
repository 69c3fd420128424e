/** The leak watch: what the sentinels say of each process, and how memory moves by the day, with the band it lies in. */

import { useQuery } from "@tanstack/react-query";
import { snapshot } from "../api/queries";
import type { Finding, Trend } from "../api/wire";
import { bytes, quantity } from "../kit/numbers";
import { Empty } from "../kit/states";
import { Shape } from "../kit/verdict";

const MEMORY = "council_process_memory_bytes";

export function LeakWatch({ findings }: { findings: Finding[] }) {
  const trends = useQuery(snapshot).data?.trends ?? [];
  if (findings.length === 0) return null;
  const services = [...new Set(findings.map((one) => one.service))];
  const sentinels = [...new Set(findings.map((one) => one.sentinel))];
  const memory = trends.filter((one) => one.name === MEMORY);
  const widest = Math.max(1, ...memory.flatMap((one) => [Math.abs(one.low ?? 0), Math.abs(one.high ?? 0)]));
  return (
    <section className="card" aria-labelledby="leaks">
      <h2 id="leaks">
        Leak watch <span className="quiet">{summary(findings)}</span>
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys */}
      <div className="table-frame" tabIndex={0} role="group" aria-labelledby="leaks">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Process</th>
              {sentinels.map((name) => (
                <th scope="col" key={name} className="sentinel">
                  {name}
                </th>
              ))}
              <th scope="col">Memory, a day</th>
            </tr>
          </thead>
          <tbody>
            {services.map((service) => (
              <tr key={service}>
                <th scope="row">{service}</th>
                {sentinels.map((name) => (
                  <Cell key={name} finding={findings.find((one) => one.service === service && one.sentinel === name)} />
                ))}
                <td>
                  <Slope trend={memory.find((one) => one.service === service)} widest={widest} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {services.length === 0 && <Empty title="Nothing is watched yet" />}
    </section>
  );
}

function summary(findings: Finding[]): string {
  const bad = findings.filter((one) => one.verdict === "red" || one.verdict === "amber");
  if (bad.length > 0) return bad.map((one) => `${one.service}: ${one.reason}`).join(" ");
  const unknown = findings.filter((one) => one.verdict === "unknown").length;
  return unknown ? `nothing grows as far as is known; ${unknown} not known yet` : "nothing grows";
}

function Cell({ finding }: { finding: Finding | undefined }) {
  if (!finding || finding.verdict === "not applicable") {
    return (
      <td className="quiet" title={finding?.reason}>
        –
      </td>
    );
  }
  return (
    <td title={[finding.reason, finding.look_next].filter(Boolean).join(" ")}>
      <span className="with-shape">
        <Shape verdict={finding.verdict} />
        {finding.value === null ? <span className="quiet">unknown</span> : quantity(finding.value, finding.unit)}
      </span>
    </td>
  );
}

const WIDTH = 160;

/** A slope as a mark within the band that it lies in, nought in the middle. */
function Slope({ trend, widest }: { trend: Trend | undefined; widest: number }) {
  if (!trend || trend.per_day === null || trend.low === null || trend.high === null) {
    return <span className="quiet">{trend?.why ?? "not known yet"}</span>;
  }
  const x = (value: number) => WIDTH / 2 + (value / widest) * (WIDTH / 2 - 2);
  const words = `${signed(trend.per_day)} a day, between ${signed(trend.low)} and ${signed(trend.high)}`;
  return (
    <span className="slope" title={words}>
      <svg width={WIDTH} height="16" viewBox={`0 0 ${WIDTH} 16`} role="img" aria-label={words}>
        <path className="slope-zero" d={`M${WIDTH / 2} 1V15`} />
        <rect
          className="slope-band"
          x={x(trend.low)}
          y="5"
          width={Math.max(2, x(trend.high) - x(trend.low))}
          height="6"
          rx="2"
        />
        <rect className="slope-mark" x={x(trend.per_day) - 1.5} y="2" width="3" height="12" rx="1" />
      </svg>
      <span className="figure">{signed(trend.per_day)}</span>
    </span>
  );
}

function signed(size: number): string {
  return `${size < 0 ? "−" : "+"}${bytes(Math.abs(size))}`;
}
