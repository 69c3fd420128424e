/** What you think of an answer, and where the question belonged: the router learns from it. */

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { call, Failure } from "../api/http";
import type { Message } from "../api/wire";
import { Icon } from "../kit/icons";

const ROUTES = ["math", "logic", "knowledge", "code", "general"];

interface Feedback {
  verdict: "up" | "down";
  route?: string;
}

export function Thumbs({ message }: { message: Message }) {
  const [said, setSaid] = useState<Feedback | null>(null);
  const judge = useMutation({
    mutationFn: (feedback: Feedback) =>
      call("/api/feedback", {
        method: "POST",
        body: { request_id: message.council?.request_id ?? message.id, ...feedback },
      }),
    onSuccess: (_, feedback) => setSaid(feedback),
  });
  const routes = ROUTES.filter((route) => route !== message.council?.route);
  return (
    <>
      {(["up", "down"] as const).map((verdict) => (
        <button
          key={verdict}
          type="button"
          className="quiet-button"
          aria-pressed={said?.verdict === verdict}
          aria-label={verdict === "up" ? "A good answer" : "A bad answer"}
          title={verdict === "up" ? "A good answer" : "A bad answer"}
          onClick={() => judge.mutate({ verdict })}
        >
          <Icon name={verdict} size={16} />
        </button>
      ))}
      {judge.error !== null && (
        <span className="thumb-note" role="alert">
          {judge.error instanceof Failure ? judge.error.message : "Not kept. Try again."}
        </span>
      )}
      {said?.verdict === "down" && judge.error === null && (
        <span className="thumb-note" role="status">
          {said.route ? (
            `Noted: it belonged to ${said.route}.`
          ) : (
            <>
              Noted. Did it belong to{" "}
              {routes.map((route) => (
                <button
                  key={route}
                  type="button"
                  className="chip"
                  onClick={() => judge.mutate({ verdict: "down", route })}
                >
                  {route}
                </button>
              ))}
              ?
            </>
          )}
        </span>
      )}
      {said?.verdict === "up" && judge.error === null && (
        <span className="thumb-note" role="status">
          Noted.
        </span>
      )}
    </>
  );
}
