import { useEffect, useRef } from "react";

/** Returns what marks a button that something else stands in for while `open`: it has the focus again once that is gone. */
export function useGiveBack(open: boolean): React.RefObject<HTMLButtonElement | null> {
  const button = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(open);
  useEffect(() => {
    // Where somebody has put the focus elsewhere meanwhile, it stays there.
    if (wasOpen.current && !open && document.activeElement === document.body) button.current?.focus();
    wasOpen.current = open;
  }, [open]);
  return button;
}
