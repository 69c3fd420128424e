/** Which names fit what somebody types: all of the words, in any order; the beginning of a name before its middle. Pure. */

export function fits<T extends { name: string; kind: string }>(all: T[], text: string): T[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return all;
  return all
    .map((one) => ({ one, score: score(`${one.name} ${one.kind}`.toLowerCase(), words) }))
    .filter((rated) => rated.score > 0)
    .sort((a, b) => b.score - a.score)
    .map((rated) => rated.one);
}

function score(name: string, words: string[]): number {
  let sum = 0;
  for (const word of words) {
    const at = name.indexOf(word);
    if (at < 0) return 0;
    sum += at === 0 ? 3 : /[\s_·-]/.test(name[at - 1] ?? "") ? 2 : 1;
  }
  return sum / words.length;
}
