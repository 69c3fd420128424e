/** Files that were dropped: how far each is, why one was left out, and what to do with it next. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { call, Failure } from "../api/http";
import { documents } from "../api/queries-admin";
import type { Doc } from "../api/wire-admin";
import { Icon } from "../kit/icons";
import { bytes, share } from "../kit/numbers";
import { docWords, type Sent, uploads } from "./uploads";

const EACH_MS = 1_000;

export default function Files({ files, onAsk }: { files: Sent[]; onAsk: (hint: string) => void }) {
  const library = useQuery({
    ...documents,
    // What is being read is asked for until it has been.
    refetchInterval: (query) =>
      files.some((one) => docOf(one, query.state.data?.documents)?.state === "waiting") ? EACH_MS : false,
  });
  return (
    <ul className="files" aria-label="Files for the library">
      {files.map((one) => (
        <Row key={one.id} sent={one} doc={docOf(one, library.data?.documents)} onAsk={onAsk} />
      ))}
    </ul>
  );
}

/** Returns what is known of a document by now: the list is newer than the answer unless it was asked for before. */
function docOf(sent: Sent, all: Doc[] | undefined): Doc | null {
  if (!sent.doc) return null;
  const listed = all?.find((one) => one.name === sent.doc?.name);
  return listed && listed.at_us >= sent.doc.at_us ? listed : sent.doc;
}

function Row({ sent, doc, onAsk }: { sent: Sent; doc: Doc | null; onAsk: (hint: string) => void }) {
  const { file, phase } = sent;
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => call(`/api/library/documents/${encodeURIComponent(file.name)}`, { method: "DELETE" }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["documents"] });
      uploads.drop(sent.id);
    },
  });
  const isBad = phase === "refused" || doc?.state === "left_out";
  return (
    <li className={isBad ? "file bad" : "file"}>
      <Icon name="file" size={16} />
      <span className="file-name" title={file.name}>
        {file.name}
      </span>
      <span className="quiet file-size">{file.size > 0 && bytes(file.size)}</span>
      <span className="file-tools">
        {phase === "exists" && (
          <button type="button" className="button" onClick={() => uploads.replace(sent.id)}>
            Replace it
          </button>
        )}
        {phase === "refused" &&
          sent.error instanceof Failure &&
          sent.error.passing &&
          sent.error.code !== "not_sent" && (
            <button type="button" className="button" onClick={() => uploads.again(sent.id)}>
              Try again
            </button>
          )}
        {(doc?.state === "indexed" || doc?.state === "partly") && (
          <button
            type="button"
            className="button"
            onClick={() => {
              onAsk(`Ask in the words of ${file.name}: the answer quotes it`);
              uploads.drop(sent.id);
            }}
          >
            Ask about it
          </button>
        )}
        {doc?.state === "left_out" && doc.removable && (
          <button type="button" className="button" disabled={remove.isPending} onClick={() => remove.mutate()}>
            Remove it
          </button>
        )}
        <button
          type="button"
          className="quiet-button"
          aria-label={`Take ${file.name} off this list`}
          title="Off this list"
          onClick={() => uploads.drop(sent.id)}
        >
          <Icon name="cross" size={16} />
        </button>
      </span>
      {/* Its progress is told by the bar; whoever listens need not hear each step of it. */}
      <span className="file-state" role={phase === "sending" ? undefined : "status"}>
        {phase === "queued" && "Waits for its turn"}
        {phase === "sending" && (
          <>
            <progress max={1} value={sent.share} aria-label={`Sending ${file.name}`} />{" "}
            {sent.share < 1 ? `Sending, ${share(sent.share)}` : "Being read…"}
          </>
        )}
        {phase === "exists" && "A document of this name is in the library already."}
        {phase === "refused" && <Why error={sent.error} />}
        {doc && docWords(doc)}
        {doc && doc.state !== "waiting" && doc.state !== "left_out" && (
          <>
            {" "}
            <Link href="/admin/library">All documents</Link>
          </>
        )}
        {doc?.state === "left_out" && (
          <>
            {" "}
            <Link href="/guide/put-documents-into-the-library">What the library reads</Link>
          </>
        )}
        {remove.error !== null && <Why error={remove.error} />}
      </span>
    </li>
  );
}

function Why({ error }: { error: unknown }) {
  if (!(error instanceof Failure)) return <>It could not be sent. Try again.</>;
  return (
    <>
      {error.message}
      {error.requestId && (
        <>
          {" "}
          <code>{error.code}</code>, request <code>{error.requestId}</code>
        </>
      )}
    </>
  );
}
