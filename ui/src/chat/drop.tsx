/** Files dropped anywhere upon the chat. */

import { useEffect, useRef, useState } from "react";
import { Icon } from "../kit/icons";

interface DropProps {
  /** Whether who looks may put documents into the library. */
  allowed: boolean;
  onFiles: (files: File[]) => void;
}

export function Drop({ allowed, onFiles }: DropProps) {
  const [over, setOver] = useState(false);
  const take = useRef(onFiles);
  take.current = onFiles;

  useEffect(() => {
    // Each element on the way tells of its own coming and going.
    let depth = 0;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const move = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      // Else the browser would leave this page for the file.
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = allowed ? "copy" : "none";
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      if (allowed) take.current([...(event.dataTransfer?.files ?? [])]);
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragleave", leave);
    window.addEventListener("dragover", move);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("dragover", move);
      window.removeEventListener("drop", drop);
    };
  }, [allowed]);

  if (!over) return null;
  return (
    <div className="drop-veil">
      <p>
        <Icon name={allowed ? "file" : "lock"} size={20} />
        {allowed
          ? "Drop to put it into the library, from which answers are quoted"
          : "Documents are added by operators and administrators"}
      </p>
    </div>
  );
}
