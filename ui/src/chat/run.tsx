/** Code of an answer run in the sandbox: what it said, what held it, what it took. */

import { useQuery } from "@tanstack/react-query";
import { call } from "../api/http";
import { sandboxLimits } from "../api/queries";
import type { SandboxLimits, SandboxResult } from "../api/wire";
import { CopyButton } from "../kit/copy";
import { Icon } from "../kit/icons";
import { binary, bytes, count, milliseconds } from "../kit/numbers";
import { FailureNote } from "../kit/states";

const LIMIT_WORDS: Record<string, string> = {
  wall_s: "time",
  cpu_s: "computing",
  memory_bytes: "memory",
  output_bytes: "output",
  files_bytes: "files",
  processes: "processes",
};
const WAIT_MS = 120_000;

export default function Run({ code, language, onClose }: { code: string; language: string; onClose: () => void }) {
  const run = useQuery({
    queryKey: ["run", language, code],
    queryFn: ({ signal }) =>
      call<SandboxResult>("/v1/sandbox/run", { method: "POST", body: { language, code }, signal, waitMs: WAIT_MS }),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const before = useQuery(sandboxLimits).data ?? null;
  const result = run.data;
  const limits = result?.limits ?? before;
  return (
    <section className="run" aria-label="Output of the sandbox">
      <header>
        <strong>{result ? ended(result) : run.error ? "Not run" : "Running in the sandbox…"}</strong>
        <span className="code-tools">
          {result && <CopyButton text={`${text(result.stdout)}${text(result.stderr)}`} what="output" />}
          <button type="button" className="quiet-button" aria-label="Close the output" onClick={onClose}>
            <Icon name="cross" size={16} />
          </button>
        </span>
      </header>
      {!result && run.error === null && limits && <Limits limits={limits} />}
      {run.error !== null && <FailureNote error={run.error} onRetry={() => void run.refetch()} />}
      {result && (
        <>
          {text(result.stdout) && <Output text={text(result.stdout)} name="stdout" />}
          {text(result.stderr) && <Output text={text(result.stderr)} name="stderr" />}
          {!text(result.stdout) && !text(result.stderr) && <p className="quiet">It printed nothing.</p>}
          {result.truncated && <p className="notice">The output was cut at its limit.</p>}
          <Took result={result} limits={limits} />
          <details>
            <summary>
              {count(result.layers.length, "layer")} between this code and the machine
              {result.layers_missing.length > 0 && `, ${result.layers_missing.length} missing`}
            </summary>
            <p>{result.layers.join(" · ")}</p>
            {result.layers_missing.length > 0 && <p className="notice">Missing: {result.layers_missing.join(", ")}</p>}
            {Object.keys(result.blocked).length > 0 && (
              <p>
                Refused system calls:{" "}
                {Object.entries(result.blocked)
                  .map(([name, times]) => `${name} ${times}`)
                  .join(", ")}
              </p>
            )}
            <p className="quiet">
              Audit record <code>{result.audit_id}</code>
            </p>
          </details>
        </>
      )}
    </section>
  );
}

/** What holds the code while it runs. */
function Limits({ limits }: { limits: SandboxLimits }) {
  return (
    <p className="run-figures">
      It may take {limits.wall_s} s, {limits.cpu_s} s of computing and {binary(limits.memory_bytes)} of memory, and
      print {binary(limits.output_bytes)} each way.
    </p>
  );
}

/** What the code took, each beside the limit that held it; without limits where an older sandbox tells none. */
function Took({ result, limits }: { result: SandboxResult; limits: SandboxLimits | null }) {
  const printed = Math.max(size(result.stdout), size(result.stderr));
  const rows = [
    { name: "Time", limit: "wall_s", took: milliseconds(result.wall_s * 1000), most: limits && `${limits.wall_s} s` },
    { name: "Computing", limit: "cpu_s", took: milliseconds(result.cpu_s * 1000), most: limits && `${limits.cpu_s} s` },
    {
      name: "Memory",
      limit: "memory_bytes",
      took: result.memory_peak_bytes ? binary(result.memory_peak_bytes) : "not measured",
      most: limits && binary(limits.memory_bytes),
    },
    { name: "Output", limit: "output_bytes", took: binary(printed), most: limits && binary(limits.output_bytes) },
  ];
  return (
    <dl className="run-took">
      {rows.map((row) => (
        <div key={row.name} className={result.limit === row.limit ? "met" : undefined}>
          <dt>{row.name}</dt>
          <dd>
            {row.took}
            {row.most && <span className="quiet"> of {row.most}</span>}
            {result.limit === row.limit && <span className="only-read">, its limit</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Output({ text: said, name }: { text: string; name: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <pre className={`output ${name}`} role="group" aria-label={name} tabIndex={0}>
      {said}
    </pre>
  );
}

function text(said: SandboxResult["stdout"]): string {
  return typeof said === "string" ? said : `(${bytes((said.base64.length * 3) / 4)} that are no text)`;
}

function size(said: SandboxResult["stdout"]): number {
  return typeof said === "string" ? new TextEncoder().encode(said).length : (said.base64.length * 3) / 4;
}

function ended(result: SandboxResult): string {
  if (result.status === "ok") return "Ended well";
  if (result.status === "error") return `Ended with exit status ${result.exit_code}`;
  if (result.status === "killed_limit")
    return `Stopped at its limit of ${LIMIT_WORDS[result.limit ?? ""] ?? result.limit}`;
  if (result.status === "signal") return `Ended by signal ${result.signal}`;
  return `Not run: ${result.reason}`;
}
