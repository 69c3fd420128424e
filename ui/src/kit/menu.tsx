/** A button that opens a short list of things to do. Arrows move, Escape closes, a click beside it closes. */

import { useEffect, useId, useRef, useState } from "react";

export function Menu({
  label,
  face,
  children,
  className = "",
}: {
  label: string;
  face: React.ReactNode;
  children: React.ReactNode;
  className?: string;
}) {
  const [open, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    items(whole.current)[0]?.focus();
    const away = (event: PointerEvent) => {
      if (!whole.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);

  function onKeyDown(event: React.KeyboardEvent) {
    if (!open) return;
    const all = items(whole.current);
    const at = all.indexOf(document.activeElement as HTMLElement);
    if (event.key === "Escape") {
      setOpen(false);
      button.current?.focus();
    } else if (event.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
    else if (event.key === "ArrowUp") all[(at - 1 + all.length) % all.length]?.focus();
    else if (event.key === "Tab") setOpen(false);
    else return;
    if (event.key !== "Tab") event.preventDefault();
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the menu bubble up to here
    <div className={`menu ${className}`} ref={whole} onKeyDown={onKeyDown}>
      <button
        type="button"
        ref={button}
        className="menu-button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={label}
        title={label}
        onClick={() => setOpen(!open)}
      >
        {face}
      </button>
      {open && (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the items in it take keys themselves
        <div
          className="menu-list"
          role="menu"
          id={id}
          onClick={() => {
            setOpen(false);
            // A window that an item opens gives the focus back to what is there then.
            button.current?.focus();
          }}
        >
          {children}
        </div>
      )}
    </div>
  );
}

function items(whole: HTMLElement | null): HTMLElement[] {
  return [...(whole?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? [])];
}
