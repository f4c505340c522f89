/** The buttons above the canvas, one tab stop: arrow keys walk along them. */
import { useState } from "react";
import { Icon } from "./icons";
import { useSay } from "./text";

export type Tool = { name: string; keys?: string; on?: boolean; off?: boolean; run: () => void };

export function Toolbar({ groups }: { groups: Tool[][] }) {
  const say = useSay(),
    [stop, setStop] = useState(0);
  let index = -1;
  return (
    <div
      className="toolbar"
      role="toolbar"
      aria-label={say("toolbar")}
      onKeyDown={e => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
        if (!by || !(e.target instanceof HTMLButtonElement)) return;
        e.preventDefault();
        const all = [...e.currentTarget.querySelectorAll("button")],
          next = (all.indexOf(e.target) + by + all.length) % all.length;
        setStop(next);
        all[next].focus();
      }}
    >
      {groups.map((tools, g) => (
        <div key={g} className="group">
          {tools.map(t => {
            const i = ++index;
            // aria-disabled: a button that is off can still be reached and heard.
            return (
              <button
                key={t.name}
                type="button"
                tabIndex={i === stop ? 0 : -1}
                aria-disabled={t.off || undefined}
                aria-pressed={t.on}
                onFocus={() => setStop(i)}
                aria-label={say(t.name)}
                title={t.keys ? `${say(t.name)} (${t.keys})` : say(t.name)}
                onClick={() => {
                  if (!t.off) t.run();
                }}
              >
                <Icon name={t.name} />
              </button>
            );
          })}
        </div>
      ))}
    </div>
  );
}
