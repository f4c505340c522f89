/** Everything done by pressing and moving: a layer from the palette, blocks, a connection, a box around blocks. */
import type { ReactFlowInstance } from "@xyflow/react";
import { useRef, useState, type RefObject } from "react";
import { away, distance, H, type Point, W } from "./geometry";
import type { Layout } from "./stack";
import type { PaletteEntry, Send } from "./types";

type Outbox = Pick<Send, "edit">;
export type Gestures = Omit<ReturnType<typeof useGestures>, "gesture">;

const START = 6; // pixels from which a press is a drag
const REACH = 40; // pixels around a line, or flow units where zoomed in
const SLOT_GAP = 34; // below the last block
const EDGE = 36,
  SPEED = 14; // near the rim the view moves along: pixels from it, pixels per frame

export type Drop = { wire: string } | "end" | null;
export type Gesture =
  | { kind: "palette"; text: string; category: string; at: Point; drop: Drop }
  | { kind: "move"; ids: string[]; text: string; category: string; at: Point; drop: Drop }
  | { kind: "connect"; source: string; from: Point; to: Point; target: string | null }
  | { kind: "box"; from: Point; to: Point };

type Press = { clientX: number; clientY: number; pointerId: number };

/** Where a block would stand that is added at the end. */
export function slotOf(layout: Layout): Point {
  const last = layout.last === null ? undefined : layout.at.get(layout.last);
  return last ? { x: last.x, y: last.y + H + SLOT_GAP } : { x: 0, y: 0 };
}

export function blockAt(layout: Layout, p: Point, margin = 0): string | null {
  let best: string | null = null,
    least = margin + 0.001;
  for (const [id, at] of layout.at) {
    const d = away(p, at);
    if (d < least) {
      least = d;
      best = id;
    }
  }
  return best;
}

export function wireAt(
  layout: Layout,
  p: Point,
  reach: number,
  without: ReadonlySet<string> = new Set(),
): string | null {
  let best: string | null = null,
    least = reach;
  for (const w of layout.wires) {
    if (without.has(w.source) || without.has(w.target)) continue;
    const d = distance(p, w.path);
    if (d < least) {
      least = d;
      best = w.id;
    }
  }
  return best;
}

export function useGestures(
  flow: ReactFlowInstance,
  pane: RefObject<HTMLDivElement>,
  layout: Layout,
  send: Outbox,
  missed: () => void,
) {
  const [gesture, setGesture] = useState<Gesture | null>(null);
  const now = useRef({ layout, send }); // a gesture outlives the data with which it began
  now.current = { layout, send };

  const inside = (p: Point) => {
    const r = pane.current!.getBoundingClientRect();
    return p.x >= r.left && p.x <= r.right && p.y >= r.top && p.y <= r.bottom;
  };
  const dropAt = (screen: Point, moving: ReadonlySet<string>): Drop => {
    if (!inside(screen)) return null;
    const { layout } = now.current,
      p = flow.screenToFlowPosition(screen),
      reach = REACH / Math.min(1, flow.getZoom());
    if (!layout.wires.length) return "end"; // there is nothing between which it could stand
    const slot = away(p, slotOf(layout)),
      wire = wireAt(layout, p, reach, moving);
    if (slot < reach && !(wire && distance(p, layout.wires.find(w => w.id === wire)!.path) < slot)) return "end";
    if (wire) return { wire };
    return p.y > slotOf(layout).y ? "end" : null; // below the last block is meant for the end
  };
  const ends = (drop: Exclude<Drop, null>) => {
    const { layout } = now.current,
      wire = drop === "end" ? undefined : layout.wires.find(w => w.id === drop.wire);
    return wire ? { after: wire.source, before: wire.target } : { after: layout.last, before: null };
  };

  /** Follow one pointer until it is let go: a drag when it has moved far enough, else a click. */
  const follow = (press: Press, step: (at: Point) => void, end: (at: Point) => void, click?: () => void) => {
    const from = { x: press.clientX, y: press.clientY };
    let at = from,
      moving = false,
      within = inside(from), // who comes from the palette crosses the rim, and does not want the network to run away
      frame = 0;
    const pan = () => {
      const r = pane.current!.getBoundingClientRect(),
        view = flow.getViewport();
      if (inside(at)) {
        const push = (p: number, low: number, high: number) => (p < low + EDGE ? SPEED : p > high - EDGE ? -SPEED : 0);
        const dx = push(at.x, r.left, r.right),
          dy = push(at.y, r.top, r.bottom);
        if (!dx && !dy) within = true;
        else if (within) {
          void flow.setViewport({ ...view, x: view.x + dx, y: view.y + dy });
          step(at);
        }
      }
      frame = requestAnimationFrame(pan);
    };
    const move = (e: PointerEvent) => {
      if (e.pointerId !== press.pointerId) return;
      at = { x: e.clientX, y: e.clientY };
      if (!moving && Math.hypot(at.x - from.x, at.y - from.y) < START) return;
      if (!moving) {
        moving = true;
        frame = requestAnimationFrame(pan);
      }
      step(at);
    };
    const stop = () => {
      cancelAnimationFrame(frame);
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", stop);
      removeEventListener("keydown", key, true);
      setGesture(null);
    };
    const up = (e: PointerEvent) => {
      if (e.pointerId !== press.pointerId) return;
      stop();
      if (moving) end({ x: e.clientX, y: e.clientY });
      else click?.();
    };
    const key = (e: KeyboardEvent) => {
      if (e.key === "Escape") {
        e.stopPropagation();
        stop();
      }
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", stop);
    addEventListener("keydown", key, true);
  };

  return {
    gesture,
    fromPalette({ type, category, name }: PaletteEntry, press: Press, click: () => void) {
      follow(
        press,
        at => setGesture({ kind: "palette", text: name ?? type, category, at, drop: dropAt(at, new Set()) }),
        at => {
          const drop = dropAt(at, new Set());
          if (!drop) return missed();
          if (drop === "end") now.current.send.edit({ op: "append", type });
          else now.current.send.edit({ op: "insert", type, ...ends(drop) });
        },
        click,
      );
    },
    fromBlocks(ids: string[], text: string, category: string, press: Press) {
      const moving = new Set(ids);
      follow(
        press,
        at => setGesture({ kind: "move", ids, text, category, at, drop: dropAt(at, moving) }),
        at => {
          const drop = dropAt(at, moving);
          if (!drop) return missed();
          const { after, before } = ends(drop);
          if (after !== null && moving.has(after)) return; // the end, and it is there already
          now.current.send.edit({ op: "move", ids, after, before });
        },
      );
    },
    fromPort(source: string, press: Press) {
      const target = (at: Point) => {
        const id = inside(at) ? blockAt(now.current.layout, flow.screenToFlowPosition(at), 24) : null;
        return id === source ? null : id;
      };
      const at = now.current.layout.at.get(source)!,
        from = { x: at.x + W / 2, y: at.y + H };
      follow(
        press,
        at => setGesture({ kind: "connect", source, from, to: flow.screenToFlowPosition(at), target: target(at) }),
        at => {
          const id = target(at);
          if (id) now.current.send.edit({ op: "connect", source, target: id });
          else missed();
        },
      );
    },
    box(press: Press, chosen: (ids: string[]) => void) {
      const from = flow.screenToFlowPosition({ x: press.clientX, y: press.clientY });
      follow(
        press,
        at => setGesture({ kind: "box", from, to: flow.screenToFlowPosition(at) }),
        at => {
          const to = flow.screenToFlowPosition(at);
          const [x0, x1] = [from.x, to.x].sort((a, b) => a - b),
            [y0, y1] = [from.y, to.y].sort((a, b) => a - b);
          chosen(
            [...now.current.layout.at]
              .filter(([, p]) => p.x < x1 && p.x + W > x0 && p.y < y1 && p.y + H > y0)
              .map(([id]) => id),
          );
        },
      );
    },
  };
}
