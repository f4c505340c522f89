/** What each command does, whether it comes from a key or a button. */
import { H, W } from "./geometry";
import type { Command } from "./keyboard";
import type { Editor } from "./editor";

/** What changes nothing in the document: allowed when it is only shown. */
const LOOKS = new Set<Command["do"]>(
  "step side end all toggle fit zoom.in zoom.out map help escape enter leave".split(" ") as Command["do"][],
);

export function commander(e: Editor): (c: Command) => void {
  const list = e.loose(e.chosen);
  const last = () => e.ids.filter(id => e.chosen.includes(id)).pop() ?? null;
  const some = (act: (ids: string[]) => void) => {
    if (list.length) act(list);
  };
  /** Go to a block: to select it, or only to point at it while a connection is made. */
  const go = (id: string | undefined) => {
    if (id !== undefined) (e.connecting === null ? e.pick : e.visit)(id);
  };

  function step(by: number, extend: boolean) {
    const here = e.stop === undefined ? -1 : e.ids.indexOf(e.stop);
    const first = !e.chosen.length && e.connecting === null && by > 0; // nothing selected yet: the stop itself
    const id = e.ids[Math.max(0, Math.min(e.ids.length - 1, first ? here : here + by))];
    if (extend && e.connecting === null && id !== undefined) e.extend(id);
    else go(id);
  }

  function side(by: number) {
    const here = e.stop === undefined ? undefined : e.layout.at.get(e.stop);
    if (!here) return;
    const beside = [...e.layout.at].filter(([, p]) => (p.x - here.x) * by > W / 2);
    const far = (p: { x: number; y: number }) => Math.abs(p.x - here.x) / W + (2 * Math.abs(p.y - here.y)) / H;
    go(beside.sort(([, p], [, q]) => far(p) - far(q))[0]?.[0]);
  }

  function remove(op: "cut" | "delete") {
    const link = e.layout.wires.find(w => w.id === e.wire);
    if (link && op === "delete") {
      e.setWire(null);
      e.setMessage("");
      e.edit({ op: "disconnect", source: link.source, target: link.target });
    } else if (list.length) {
      const at = e.ids.indexOf(list[list.length - 1]);
      const stays = (id: string) => !list.includes(id);
      const next = e.ids.slice(at + 1).find(stays) ?? e.ids.slice(0, at).reverse().find(stays);
      e.edit({ op, ids: list });
      if (next === undefined) e.select([], null);
      else e.pick(next);
    }
  }

  function startConnecting() {
    if (e.stop === undefined) return;
    e.setConnecting(e.stop);
    e.setMessage(e.say("status.connect", { name: e.byId.get(e.stop)!.name }));
    e.focus(e.stop);
  }

  function enter() {
    if (e.stop === undefined) return;
    if (e.connecting !== null) toggleLink(e, e.connecting, e.stop);
    else if (!e.chosen.includes(e.stop)) e.pick(e.stop);
    else if (e.byId.get(e.stop)!.fold) e.edit({ op: "enter", id: e.stop });
  }

  function escape() {
    if (e.connecting !== null) {
      e.setConnecting(null);
      e.setMessage("");
    } else if (e.chosen.length || e.wire !== null) e.select([], null);
  }

  return c => {
    if (e.data.readonly && !LOOKS.has(c.do)) return;
    switch (c.do) {
      case "step":
        return step(c.by, c.extend);
      case "side":
        return side(c.by);
      case "end":
        return go(e.ids[c.last ? e.ids.length - 1 : 0]);
      case "move":
        return some(ids => e.edit({ op: "move", ids, by: c.by }));
      case "undo":
      case "redo":
        return e.edit({ op: c.do });
      case "cut":
      case "delete":
        return remove(c.do);
      case "copy":
      case "duplicate":
        return some(ids => e.edit({ op: c.do as "copy" | "duplicate", ids }));
      case "paste":
        return e.edit({ op: "paste", after: last() });
      case "rename":
        return e.stop !== undefined && e.loose([e.stop]).length ? e.setRenaming(e.stop) : undefined;
      case "connect":
        return startConnecting();
      case "fold.unit":
        return some(ids => e.edit({ op: "fold", ids, into: "Unit" }));
      case "fold.repeat":
        return some(ids => e.edit({ op: "fold", ids, into: "Repeat" }));
      case "unfold":
        return list.filter(id => e.byId.get(id)!.fold).forEach(id => e.edit({ op: "unfold", id }));
      case "enter":
        return enter();
      case "leave":
        return e.data.can?.leave ? e.edit({ op: "leave" }) : undefined;
      case "all":
        return e.select(e.loose(e.ids));
      case "toggle":
        return e.connecting !== null ? enter() : e.stop === undefined ? undefined : e.toggle(e.stop);
      case "find":
        return e.search.current?.focus();
      case "fit":
        return e.view.toAll();
      case "zoom.in":
        return e.view.by(1.2);
      case "zoom.out":
        return e.view.by(1 / 1.2);
      case "map":
        return e.setMap(!e.mapShown);
      case "help":
        return e.setHelp(!e.help);
      case "escape":
        return escape();
    }
  };
}

/** Add a layer after what is selected, or at the end. */
export function add(e: Editor, type: string): void {
  const after = e.ids.filter(id => e.chosen.includes(id)).pop();
  e.edit(after === undefined ? { op: "append", type } : { op: "insert", type, after, before: null });
}

/** Let `target` read `source`, or read it no longer. */
export function toggleLink(e: Editor, source: string, target: string): void {
  e.setConnecting(null);
  e.setMessage("");
  const linked = e.data.edges.some(([a, b]) => a === source && b === target);
  if (source !== target) e.edit({ op: linked ? "disconnect" : "connect", source, target });
}
