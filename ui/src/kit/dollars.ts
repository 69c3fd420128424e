/** Dollars as people write them, micro-dollars as the service counts them. Pure. */

// A comma would be read as thousands by one and as a point by another, so that it is not taken.
const FORM = /^\$?\s*(\d{1,9})(?:\.(\d{1,6}))?$/;

/** Returns micro-dollars; null for what is no sum of money. */
export function micros(text: string): number | null {
  const found = FORM.exec(text.trim());
  if (!found) return null;
  return Number(found[1]) * 1_000_000 + Number((found[2] ?? "").padEnd(6, "0"));
}

/** Returns micro-dollars as somebody would write them into a field; "" for none. */
export function dollars(sum: number | null): string {
  if (sum === null) return "";
  const part = String(sum % 1_000_000)
    .padStart(6, "0")
    .replace(/0{1,4}$/, "");
  return `${Math.floor(sum / 1_000_000)}.${part}`;
}
