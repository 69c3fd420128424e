/** Words of the service: what stands in backticks there, as commands and names of files, is set as code. */

export function Words({ of }: { of: string }) {
  const parts = of.split("`");
  // Where one mark has no other they are marks of something else.
  if (parts.length % 2 === 0) return of;
  return parts.map((part, place) => (place % 2 === 1 ? <code key={String(place)}>{part}</code> : part));
}
