/** Code of an answer run in the sandbox: what it said, what held it, what it took. */

import { useQuery } from "@tanstack/react-query";
import { call } from "../api/http";
import type { SandboxResult } from "../api/wire";
import { CopyButton } from "../kit/copy";
import { Icon } from "../kit/icons";
import { bytes, count, milliseconds } from "../kit/numbers";
import { FailureNote } from "../kit/states";

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
  const result = run.data;
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
      {run.error !== null && <FailureNote error={run.error} onRetry={() => void run.refetch()} />}
      {result && (
        <>
          {text(result.stdout) && <Output text={text(result.stdout)} name="stdout" />}
          {text(result.stderr) && <Output text={text(result.stderr)} name="stderr" />}
          {!text(result.stdout) && !text(result.stderr) && <p className="quiet">It printed nothing.</p>}
          {result.truncated && <p className="notice">The output was cut at its limit.</p>}
          <p className="run-figures">
            {milliseconds(result.wall_s * 1000)}, {milliseconds(result.cpu_s * 1000)} of computing
            {result.memory_peak_bytes ? `, ${bytes(result.memory_peak_bytes)} of memory` : ""}
          </p>
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

function ended(result: SandboxResult): string {
  if (result.status === "ok") return "Ended well";
  if (result.status === "error") return `Ended with exit status ${result.exit_code}`;
  if (result.status === "killed_limit") return `Stopped at the limit ${result.limit ?? ""}`;
  if (result.status === "signal") return `Ended by signal ${result.signal}`;
  return `Not run: ${result.reason}`;
}
