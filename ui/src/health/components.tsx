/** The processes: what they do now, since when, of which generation. */

import type { Service, Verdict } from "../api/wire";
import { short } from "../kit/numbers";
import { Empty } from "../kit/states";
import { stretch } from "../kit/time";
import { Shape } from "../kit/verdict";

const VERDICTS: Record<string, Verdict> = { ready: "green", starting: "amber", draining: "amber", stopping: "amber" };

interface ComponentsProps {
  services: Service[];
  parts: Record<string, string>;
  generation: string;
}

export function Components({ services, parts, generation }: ComponentsProps) {
  const away = Object.entries(parts).filter(([, state]) => state !== "up");
  return (
    <section className="card" aria-labelledby="components">
      <h2 id="components">
        Components{" "}
        <span className="quiet">
          {away.length === 0
            ? "the gateway reaches all of them"
            : `the gateway does not reach: ${away.map(([name, state]) => `${name} (${state})`).join(", ")}`}
        </span>
      </h2>
      {services.length === 0 ? (
        <Empty title="The processes are not known">
          The supervisor does not say how they are. See `council status`.
        </Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
        <div className="table-frame" tabIndex={0} role="group" aria-labelledby="components">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Process</th>
                <th scope="col">State</th>
                <th scope="col" className="number">
                  Up for
                </th>
                <th scope="col" className="number">
                  Restarts
                </th>
                <th scope="col">Generation</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {services.map((one) => (
                <tr key={one.name}>
                  <th scope="row">{one.name}</th>
                  <td>
                    <span className="with-shape">
                      <Shape verdict={VERDICTS[one.state] ?? "red"} labelled={false} /> {one.state}
                    </span>
                  </td>
                  <td className="number">{stretch(one.uptime_s)}</td>
                  <td className="number">{one.restarts}</td>
                  <td>
                    <code>{short(one.generation)}</code>
                    {one.generation !== generation && <span className="quiet"> as before</span>}
                  </td>
                  <td className="quiet">{one.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
