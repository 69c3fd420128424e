/** What time it is in the recorded service; a test may have it stand still, so that what is shown is the same each time. */

let fixedMs = null;

/** Has time stand still at a moment; at null it goes on. */
export function stand(atMs) {
  fixedMs = atMs;
}

export function nowMs() {
  return fixedMs ?? Date.now();
}

export function nowUs() {
  return nowMs() * 1000;
}
