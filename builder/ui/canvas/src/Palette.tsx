/** The layers that can be added: searchable, by category, dragged or clicked. */
import { type PointerEvent, type RefObject, Fragment, useState } from "react";
import { useSay } from "./text";
import type { PaletteEntry } from "./types";

type Props = {
  entries: PaletteEntry[];
  search: RefObject<HTMLInputElement>;
  onDrag: (entry: PaletteEntry, event: PointerEvent) => void;
  onAdd: (type: string) => void;
  onLeave: () => void;
};

/** "max pool" finds MaxPooling: every word has to be in the type, the category or the help. */
const matches = (p: PaletteEntry, words: string[]) => {
  const text = `${p.type} ${p.name ?? ""} ${p.category} ${p.help}`.toLowerCase();
  return words.every(word => text.includes(word));
};

export function Palette({ entries, search, onDrag, onAdd, onLeave }: Props) {
  const say = useSay(),
    [wanted, setWanted] = useState("");
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const categories = [...new Set(entries.map(p => p.category))];
  const found = categories.flatMap(c => entries.filter(p => p.category === c && matches(p, words)));
  // A name that begins with the words comes first, so that "relu" and Enter add ReLU.
  const rank = (p: PaletteEntry) =>
    p.type.toLowerCase().startsWith(words[0] ?? "") ? 0 : p.type.toLowerCase().includes(words[0] ?? "") ? 1 : 2;
  if (words.length) found.sort((p, q) => rank(p) - rank(q));
  const walk = (from: HTMLElement, by: number) => {
    const all = [...from.closest(".palette")!.querySelectorAll<HTMLElement>("input,button")];
    all[Math.max(0, Math.min(all.length - 1, all.indexOf(from) + by))].focus();
  };
  return (
    <div
      className="palette"
      role="toolbar"
      aria-label={say("palette")}
      aria-orientation="vertical"
      onKeyDown={e => {
        const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
        if (by) {
          e.preventDefault();
          walk(e.target as HTMLElement, by);
        }
        if (e.key === "Escape") {
          e.preventDefault();
          setWanted("");
          onLeave();
        }
      }}
    >
      <input
        ref={search}
        type="search"
        value={wanted}
        aria-label={say("palette.find")}
        placeholder={say("palette.find")}
        onChange={e => setWanted(e.target.value)}
        onKeyDown={e => {
          if (e.key === "Enter" && found.length && words.length) {
            e.preventDefault();
            onAdd(found[0].type);
          }
        }}
      />
      <div className="entries">
        {found.map((p, i) => (
          <Fragment key={p.type}>
            {!words.length && p.category !== found[i - 1]?.category && (
              <div className="heading" aria-hidden="true">
                {say.has(`category.${p.category}`) ? say(`category.${p.category}`) : p.category}
              </div>
            )}
            <button
              type="button"
              tabIndex={i ? -1 : 0}
              className={`cat-${p.category}`}
              title={p.help}
              aria-label={say("palette.add", { type: p.name ?? p.type, help: p.help })}
              onPointerDown={e => onDrag(p, e)}
              onClick={e => {
                if (e.detail === 0) onAdd(p.type); // by keyboard; the mouse's click ends a press
              }}
            >
              {p.name ?? p.type}
            </button>
          </Fragment>
        ))}
        {!found.length && <p role="status">{say("palette.none")}</p>}
      </div>
      <p className="hint">{say("palette.hint")}</p>
    </div>
  );
}
