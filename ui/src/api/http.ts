/** How the page asks the gateway: same origin, cookie, CSRF header, and one error that quotes code and request id. */

export interface ErrorBody {
  message: string;
  code: string;
  request_id?: string;
}

/** What went wrong, in the service's own words. `code` is `offline` where nothing answered. */
export class Failure extends Error {
  override name = "Failure";

  constructor(
    message: string,
    readonly code: string,
    readonly status = 0,
    readonly requestId = "",
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
  }

  /** Whether another try may do. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const CSRF_HEADER = "x-council-csrf";
const SAFE = new Set(["GET", "HEAD"]);
const WAIT_MS = 30_000;

let csrf = "";

/** Takes what `/api/me` gave; it goes with each request that changes something. */
export function setCsrf(token: string): void {
  csrf = token;
}

/** Returns the headers of a request that changes something. */
export function csrfHeaders(): Record<string, string> {
  return csrf ? { [CSRF_HEADER]: csrf } : {};
}

export interface Asked {
  method?: string;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /** Longest wait for the answer to begin, milliseconds. */
  waitMs?: number;
}

/** Sends a request and returns the response, whatever its form. Throws Failure. */
export async function send(path: string, asked: Asked = {}): Promise<Response> {
  const method = asked.method ?? "GET";
  const headers: Record<string, string> = { ...asked.headers };
  if (asked.body !== undefined) headers["content-type"] = "application/json";
  if (!SAFE.has(method)) Object.assign(headers, csrfHeaders());
  // A page must not hang where a part is away: whoever asks is told, and may ask again.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), asked.waitMs ?? WAIT_MS);
  const signal = asked.signal ? AbortSignal.any([asked.signal, limit.signal]) : limit.signal;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      credentials: "same-origin",
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    });
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    throw new Failure(
      limit.signal.aborted
        ? "No answer came in time. The service may be busy; try again."
        : "Nothing answers. See that Council runs (`council status`) and try again.",
      limit.signal.aborted ? "no_answer_in_time" : "offline",
    );
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}

/** Sends a request and returns the JSON that came. Throws Failure. */
export async function call<T>(path: string, asked: Asked = {}): Promise<T> {
  const response = await send(path, asked);
  return (await response.json()) as T;
}

async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text().catch(() => "");
  return failureIn(response.status, text, (name) => response.headers.get(name));
}

/** Returns the failure that an answer tells of. Pure. */
export function failureIn(status: number, text: string, header: (name: string) => string | null): Failure {
  const waits = Number(header("retry-after"));
  let told: Partial<ErrorBody> = {};
  try {
    told = (JSON.parse(text) as { error?: Partial<ErrorBody> } | null)?.error ?? {};
  } catch {
    // A proxy on the way answers in its own form.
  }
  return new Failure(
    told.message ?? `The service answered ${status}. Try again; if it stays so, see \`council status\`.`,
    told.code ?? `http_${status}`,
    status,
    told.request_id ?? header("x-request-id") ?? "",
    Number.isFinite(waits) && waits > 0 ? waits : null,
  );
}

/** Returns an address with those of the parameters that are set. */
export function address(path: string, parameters: Record<string, string | number | null | undefined>): string {
  const set = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return query ? `${path}?${query}` : path;
}
