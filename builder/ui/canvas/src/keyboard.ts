/** Which key does what. Pure: it tells the name of a command, Canvas knows what that is. */

export type Command =
  | { do: "step"; by: number; extend: boolean }
  | { do: "side"; by: -1 | 1 }
  | { do: "end"; last: boolean }
  | { do: "move"; by: -1 | 1 }
  | {
      do:
        | "undo"
        | "redo"
        | "cut"
        | "copy"
        | "paste"
        | "duplicate"
        | "delete"
        | "rename"
        | "connect"
        | "fold.unit"
        | "fold.repeat"
        | "unfold"
        | "enter"
        | "leave"
        | "all"
        | "toggle"
        | "find"
        | "fit"
        | "zoom.in"
        | "zoom.out"
        | "map"
        | "help"
        | "escape";
    };

type Pressed = { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean; shiftKey: boolean };

const WITH_CTRL: Record<string, Command["do"]> = {
  a: "all",
  c: "copy",
  x: "cut",
  v: "paste",
  d: "duplicate",
  y: "redo",
  " ": "toggle",
};
const PLAIN: Record<string, Command["do"]> = {
  Delete: "delete",
  Backspace: "delete",
  Enter: "enter",
  " ": "toggle",
  F2: "rename",
  Escape: "escape",
  "/": "find",
  "?": "help",
  "+": "zoom.in",
  "=": "zoom.in",
  "-": "zoom.out",
  c: "connect",
  u: "fold.unit",
  r: "fold.repeat",
  e: "unfold",
  l: "leave",
  f: "fit",
  m: "map",
};

export function command(e: Pressed): Command | null {
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  const by = ({ ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1 } as Record<string, -1 | 1>)[key];
  const vertical = key === "ArrowUp" || key === "ArrowDown";
  if (e.altKey) return vertical ? { do: "move", by } : null;
  if (e.ctrlKey || e.metaKey) {
    if (key === "z") return { do: e.shiftKey ? "redo" : "undo" };
    return WITH_CTRL[key] ? ({ do: WITH_CTRL[key] } as Command) : null;
  }
  if (vertical) return { do: "step", by, extend: e.shiftKey };
  if (by) return { do: "side", by };
  if (key === "Home" || key === "End") return { do: "end", last: key === "End" };
  return PLAIN[key] ? ({ do: PLAIN[key] } as Command) : null;
}
