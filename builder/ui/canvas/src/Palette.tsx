/** The layers that can be added: searchable, by category, dragged or clicked. */
import { type KeyboardEvent, type PointerEvent, type ReactNode, type RefObject, useState } from "react";
import { Icon } from "./icons";
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

const FEW = 40; // layers up to which every category starts open
/** Where there are more, these stand in front, open, and all categories are closed. */
const USUAL = "Convolution MaxPooling BatchNormalization ReLU Affine Dropout Softmax Add Concatenate".split(" ");
let kept: Record<string, boolean> = {}; // opened and closed by hand; kept while the page is open

export function Palette({ entries, search, onDrag, onAdd, onLeave }: Props) {
  const say = useSay(),
    [wanted, setWanted] = useState(""),
    [byHand, setByHand] = useState(kept);
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const categories = [...new Set(entries.map(p => p.category))];
  const found = entries.filter(p => matches(p, words));
  // A name that begins with the words comes first, so that "relu" and Enter add ReLU.
  const rank = (p: PaletteEntry) => {
    const at = (p.name ?? p.type).toLowerCase().indexOf(words[0] ?? "");
    return at === 0 ? 0 : at > 0 ? 1 : 2;
  };
  if (words.length) found.sort((p, q) => rank(p) - rank(q));
  const many = entries.length > FEW;
  const open = (category: string) => byHand[category] ?? (!many || category === "usual");
  const sections: [category: string, layers: PaletteEntry[]][] = categories.map(category => [
    category,
    entries.filter(p => p.category === category),
  ]);
  if (many) sections.unshift(["usual", USUAL.flatMap(type => entries.filter(p => p.type === type))]);
  const turn = (category: string, on: boolean) => {
    kept = { ...kept, [category]: on };
    setByHand(kept);
  };
  const walk = (from: HTMLElement, by: number) => {
    const all = [...from.closest(".palette")!.querySelectorAll<HTMLElement>("input,button")];
    all[Math.max(0, Math.min(all.length - 1, all.indexOf(from) + by))].focus();
  };
  const keys = (e: KeyboardEvent) => {
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
  };
  const first = words.length ? found[0]?.type : null;
  const button = (p: PaletteEntry) => (
    <button
      key={p.type}
      type="button"
      tabIndex={p.type === first ? 0 : -1}
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
  );
  return (
    <div
      className="palette"
      role="toolbar"
      aria-label={say("palette")}
      aria-orientation="vertical"
      onKeyDown={keys}
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
        {words.length
          ? found.map(button)
          : sections.map(([category, layers], i) => (
              <Category
                key={category}
                name={say.has(`category.${category}`) ? say(`category.${category}`) : category}
                stop={i === 0}
                open={open(category)}
                count={layers.length}
                onTurn={on => turn(category, on)}
              >
                {open(category) && layers.map(button)}
              </Category>
            ))}
        {!found.length && <p role="status">{say("palette.none")}</p>}
      </div>
      <p className="hint">{say("palette.hint")}</p>
    </div>
  );
}

type Section = {
  name: string;
  stop: boolean;
  open: boolean;
  count: number;
  onTurn: (on: boolean) => void;
  children: ReactNode;
};

/** A category: its heading opens and closes it, by click, Enter, or the arrow keys to the sides. */
const Category = ({ name, stop, open, count, onTurn, children }: Section) => (
  <div className="category" role="group" aria-label={name}>
    <button
      type="button"
      className="heading"
      aria-expanded={open}
      tabIndex={stop ? 0 : -1}
      onClick={() => onTurn(!open)}
      onKeyDown={e => {
        if (e.key === "ArrowRight" || e.key === "ArrowLeft") {
          e.preventDefault();
          onTurn(e.key === "ArrowRight");
        }
      }}
    >
      <Icon name="turn" />
      {name}
      {!open && <span className="count">{count}</span>}
    </button>
    {children}
  </div>
);
