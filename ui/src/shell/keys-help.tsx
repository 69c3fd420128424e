import { Dialog } from "../kit/dialog";
import { useViews } from "./views";

const MORE: [string, string][] = [
  ["Ctrl K", "Go to anything"],
  ["/", "To the field for a question or search"],
  ["Enter", "Send; with Shift a new line"],
  ["Esc", "Close what is open; stop an answer"],
  ["j k", "Next and previous row in a list"],
  ["?", "This list"],
];

export default function Keys({ onClose }: { onClose: () => void }) {
  const views = useViews();
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">
        {MORE.map(([keys, does]) => (
          <Row key={keys} keys={keys} does={does} />
        ))}
        {views.map((view) => (
          <Row key={view.path} keys={`g ${view.key}`} does={view.name} />
        ))}
      </dl>
    </Dialog>
  );
}

function Row({ keys, does }: { keys: string; does: string }) {
  return (
    <div>
      <dt>
        {keys.split(" ").map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{does}</dd>
    </div>
  );
}
