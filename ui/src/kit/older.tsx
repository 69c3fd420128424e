/** The way to the rows before those that are shown. */

interface OlderProps {
  found: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  what: string;
}

export function Older({ found, what }: OlderProps) {
  if (!found.hasNextPage) return null;
  return (
    <button
      type="button"
      className="button older"
      disabled={found.isFetchingNextPage}
      onClick={() => void found.fetchNextPage()}
    >
      {found.isFetchingNextPage ? "Asking…" : `Show older ${what}`}
    </button>
  );
}
