/** The list of keys. */
import { useEffect, useRef } from "react";
import { Icon } from "./icons";
import { useSay } from "./text";

const mac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);
export const CTRL = mac ? "⌘" : "Ctrl+",
  ALT = mac ? "⌥" : "Alt+",
  SHIFT = mac ? "⇧" : "Shift+";

export const KEYS: [keys: string, label: string][] = [
  ["↑ ↓ ← →", "keys.walk"],
  ["Home, End", "keys.first"],
  [`${SHIFT}↑ ${SHIFT}↓`, "keys.extend"],
  [`${CTRL}A`, "keys.all"],
  [`${ALT}↑ ${ALT}↓`, "keys.move"],
  ["/", "keys.find"],
  ["Delete", "delete"],
  [`${CTRL}X, ${CTRL}C, ${CTRL}V`, "keys.clipboard"],
  [`${CTRL}D`, "duplicate"],
  ["F2", "rename"],
  ["C", "connect"],
  ["U", "fold.unit"],
  ["R", "fold.repeat"],
  ["E", "unfold"],
  ["Enter", "enter"],
  ["L", "leave"],
  [`${CTRL}Z`, "undo"],
  [`${CTRL}${SHIFT}Z`, "redo"],
  ["F", "fit"],
  ["+ −", "keys.zoom"],
  ["M", "map"],
  ["Esc", "keys.leave"],
];

export function Help({ onClose }: { onClose: () => void }) {
  const say = useSay(),
    button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current!.focus(), []);
  return (
    <div
      className="help"
      role="dialog"
      aria-label={say("help")}
      onKeyDown={e => {
        if (e.key === "Escape") {
          e.stopPropagation();
          onClose();
        }
      }}
    >
      <button ref={button} type="button" className="close" aria-label={say("close")} onClick={onClose}>
        <Icon name="close" />
      </button>
      <h2>{say("help")}</h2>
      <dl>
        {KEYS.map(([keys, label]) => (
          <div key={label}>
            <dt>
              {keys.split(", ").map(k => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{say(label)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
