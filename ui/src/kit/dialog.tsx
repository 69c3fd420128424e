/** A modal window: the browser's own, which keeps focus and closes at Escape; a firm one closes by its own buttons alone. */

import { useEffect, useRef } from "react";
import { Icon } from "./icons";

export function Dialog({
  title,
  onClose,
  children,
  className = "",
  bare = false,
  firm = false,
}: {
  title: string;
  onClose: () => void;
  children: React.ReactNode;
  className?: string;
  bare?: boolean;
  firm?: boolean;
}) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the browser closes it at Escape; a click beside it is one way more
    <dialog
      ref={element}
      className={`dialog ${className}`}
      aria-label={title}
      onClose={onClose}
      onCancel={(event) => {
        if (firm) event.preventDefault();
      }}
      onClick={(event) => {
        if (!firm && event.target === element.current) onClose();
      }}
    >
      <div className="dialog-inside">
        {!bare && (
          <header>
            <h2>{title}</h2>
            {!firm && (
              <button type="button" className="quiet-button" aria-label="Close" onClick={onClose}>
                <Icon name="cross" size={16} />
              </button>
            )}
          </header>
        )}
        {children}
      </div>
    </dialog>
  );
}
