/** What a press, a click and a double click mean, on a block, its output, a line or nothing. */
import type { MouseEvent, PointerEvent } from "react";
import { toggleLink } from "./commands";
import type { Editor } from "./editor";
import { blockAt, type Gestures, wireAt } from "./gestures";
import type { Command } from "./keyboard";

const NEAR = 9; // pixels from a line at which a click means it
const NOT_OURS = "input, select, button, .react-flow__attribution";

/** The block in which an element is. */
export const idOf = (element: EventTarget) =>
  (element as HTMLElement).closest<HTMLElement>(".react-flow__node")?.dataset.id;

export function mouse(e: Editor, begin: Gestures, run: (c: Command) => void, boxing: boolean) {
  const point = (at: MouseEvent) => e.flow.screenToFlowPosition({ x: at.clientX, y: at.clientY });
  const idAt = (at: MouseEvent) => idOf(at.target);
  const ours = (at: MouseEvent) => !(at.target as HTMLElement).closest(NOT_OURS);

  function clickBlock(id: string, at: MouseEvent) {
    if (e.connecting !== null) toggleLink(e, e.connecting, id);
    else if (at.ctrlKey || at.metaKey) e.toggle(id);
    else if (at.shiftKey) e.extend(id);
    else {
      e.anchorAt(id);
      e.select([id]);
      e.focus(id);
    }
  }

  function clickGround(at: MouseEvent) {
    const near = e.data.readonly ? null : wireAt(e.layout, point(at), NEAR / e.flow.getZoom());
    const link = e.layout.wires.find(w => w.id === near);
    const name = (id: string) => e.byId.get(id)!.name;
    e.select([], null);
    e.setConnecting(null);
    e.setWire(near);
    if (link) e.setMessage(e.say("status.edge", { source: name(link.source), target: name(link.target) }));
    e.pane.current!.focus({ preventScroll: true });
  }

  return {
    onPointerDown(at: PointerEvent) {
      if (at.button !== 0 || e.data.readonly || !ours(at)) return;
      const port = (at.target as HTMLElement).closest<HTMLElement>("[data-port]")?.dataset.port;
      const id = idAt(at);
      if (port !== undefined) begin.fromPort(port, at);
      else if (id !== undefined && !at.shiftKey) {
        const list = e.loose(e.chosen.includes(id) ? e.chosen : [id]);
        const first = e.byId.get(list[0]);
        const more = list.length > 1 ? ` + ${list.length - 1}` : "";
        if (first) begin.fromBlocks(list, first.type + more, first.category, at);
      } else if (id === undefined && (at.shiftKey || boxing)) {
        begin.box(at, list => {
          e.anchorAt(list[0] ?? null);
          e.select(list);
        });
      }
    },
    onClick(at: MouseEvent) {
      const id = idAt(at);
      if (!ours(at)) return;
      if (id !== undefined) clickBlock(id, at);
      else if (!at.shiftKey && !boxing) clickGround(at); // with Shift it is the end of a box
    },
    onDoubleClick(at: MouseEvent) {
      const id = ours(at) ? blockAt(e.layout, point(at)) : null;
      if (id === null || e.byId.get(id)!.fixed) return;
      if (e.byId.get(id)!.fold) run({ do: "enter" });
      else if (!e.data.readonly) e.setRenaming(id);
    },
  };
}
