/** Numbers as people read them: the figures that count, thousands apart, the unit beside them. */

const DIGITS = 3;

/** Returns a number with as many figures as mean something: `1,840`, `97.4`, `0.0231`. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en-GB");
  return Number(value.toPrecision(DIGITS)).toLocaleString("en-GB", { maximumFractionDigits: 6 });
}

/** Returns a number with its unit. */
export function quantity(value: number, unit: string): string {
  if (unit === "USD") return `$${value.toFixed(value < 0.1 ? 4 : 2)}`;
  return unit ? `${figure(value)} ${unit}` : figure(value);
}

/** Returns micro-dollars as dollars; what cost something never reads as nothing. */
export function money(micros: number): string {
  if (micros === 0) return "$0";
  const dollars = micros / 1e6;
  if (dollars >= 0.01)
    return `$${dollars.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 4 })}`;
  return `$${dollars.toFixed(6).replace(/0+$/, "")}`;
}

/** Returns milliseconds in the unit that suits them. */
export function milliseconds(ms: number): string {
  if (ms >= 10_000) return `${figure(ms / 1000)} s`;
  return `${ms >= 10 ? Math.round(ms).toLocaleString("en-GB") : Number(ms.toPrecision(2))} ms`;
}

/** Returns a share of one as a percentage. */
export function share(part: number): string {
  return `${Math.round(part * 100)} %`;
}

/** Returns a number with its noun. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? one : many}`;
}

/** Returns bytes in the unit that suits them. */
export function bytes(size: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${figure(value)} ${units[unit]}`;
}

/** Returns bytes as settings name them, in powers of two. */
export function binary(size: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = size;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${figure(value)} ${units[unit]}`;
}

/** Returns the beginning of a commit or digest. */
export function short(identifier: string): string {
  return identifier.slice(0, 8);
}
