import { ago, exact, moment, useNow } from "./time";

/** A time that keeps saying how long ago it was. */
export function Ago({ us }: { us: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(us / 1000).toISOString()} title={exact(us)}>
      {ago(us, now)}
    </time>
  );
}

/** A time of day. */
export function At({ us }: { us: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(us / 1000).toISOString()} title={exact(us)}>
      {moment(us, now)}
    </time>
  );
}
