/** Sends a file and says how far it is, which `fetch` cannot. */

import { csrfHeaders, Failure, failureIn } from "./http";

export interface Uploading {
  signal: AbortSignal;
  /** Is told the share that has been sent, 0 to 1. */
  onProgress: (share: number) => void;
}

/** Puts the bytes of a file to an address and returns the JSON that came. Throws Failure. */
export function upload<T>(path: string, file: Blob, { signal, onProgress }: Uploading): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", path);
    for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      const told = (name: string) => request.getResponseHeader(name);
      if (request.status < 200 || request.status > 299) {
        reject(failureIn(request.status, request.responseText, told));
        return;
      }
      try {
        resolve(JSON.parse(request.responseText) as T);
      } catch {
        reject(new Failure("The answer could not be read. See the list of documents.", "unreadable", request.status));
      }
    };
    request.onerror = () =>
      reject(new Failure("Nothing answers. See that Council runs (`council status`) and try again.", "offline"));
    request.onabort = () => reject(new Failure("It was not sent to its end.", "given_up"));
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) request.abort();
    else request.send(file);
  });
}
