/** The state of the canvas: what is selected, what has the focus, and what happens when Python has answered. */
import { useReactFlow, type ReactFlowInstance } from "@xyflow/react";
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { type Layout, stack } from "./stack";
import { type Say, speaker } from "./text";
import type { CanvasData, Node, Op, Send } from "./types";
import { useView, type View } from "./view";

const MAP_FROM = 9; // blocks from which the overview is shown

/** What makes blocks: those that come with the answer are new, and get the selection. */
const MAKES = new Set<Op["op"]>(["insert", "append", "paste", "duplicate", "fold", "unfold"]);

export type Editor = {
  data: CanvasData;
  host: HTMLElement;
  flow: ReactFlowInstance;
  pane: RefObject<HTMLDivElement>;
  search: RefObject<HTMLInputElement>;
  say: Say;
  layout: Layout;
  view: View;
  ids: string[];
  byId: Map<string, Node>;
  /** Selected blocks, in the order in which they were selected. */
  chosen: string[];
  /** The one block in the tab order: where the focus is, or would come. */
  stop: string | undefined;
  wire: string | null;
  connecting: string | null;
  renaming: string | null;
  message: string;
  mapShown: boolean;
  help: boolean;
  edit: Send["edit"];
  /** These blocks without those that cannot be changed, in the document's order. */
  loose: (ids: string[]) => string[];
  focus: (id: string | undefined) => void;
  /** Select these, with the tab stop at one of them. */
  select: (ids: string[], at?: string | null) => void;
  pick: (id: string) => void;
  toggle: (id: string) => void;
  /** Select from where the selection began to here. */
  extend: (id: string) => void;
  /** Go to a block without selecting it. */
  visit: (id: string) => void;
  /** A place from which the next extension starts. */
  anchorAt: (id: string | null) => void;
  hold: (id: string | null) => void;
  /** Whether the focus is nowhere although a block should have it: React is just moving that block. */
  homeless: () => boolean;
  setWire: (id: string | null) => void;
  setConnecting: (id: string | null) => void;
  setRenaming: (id: string | null) => void;
  setMessage: (text: string) => void;
  setMap: (on: boolean) => void;
  setHelp: (on: boolean) => void;
};

export function useEditor(data: CanvasData, outbox: Send, host: HTMLElement): Editor {
  const flow = useReactFlow();
  const pane = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const [selected, setSelected] = useState<string[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [wire, setWire] = useState<string | null>(null);
  const [connecting, setConnecting] = useState<string | null>(null);
  const [renaming, setRenaming] = useState<string | null>(null);
  const [map, setMap] = useState<boolean | null>(null);
  const [help, setHelp] = useState(false);
  const [message, setMessage] = useState("");
  const anchor = useRef<string | null>(null);
  const waiting = useRef<Set<string> | null>(null);

  const labels = JSON.stringify(data.labels);
  const say = useMemo(() => speaker(data.labels), [labels]);
  const ids = useMemo(() => data.nodes.map(n => n.id), [data]);
  const byId = useMemo(() => new Map(data.nodes.map(n => [n.id, n])), [data]);
  const structure = JSON.stringify([ids, data.edges]);
  const layout = useMemo(() => stack(ids, data.edges), [structure]);
  const view = useView(flow, pane, layout);
  const chosen = selected.filter(id => byId.has(id));
  const stop = cursor !== null && byId.has(cursor) ? cursor : (chosen[0] ?? ids[0]);

  const block = (id: string) => host.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`);
  const focus = (id: string | undefined) => {
    if (id !== undefined) block(id)?.focus({ preventScroll: true });
  };
  const select = (list: string[], at: string | null = list[list.length - 1] ?? null) => {
    setSelected(list);
    setWire(null);
    setMessage("");
    if (at !== null) setCursor(at);
    outbox.select(list);
  };
  const visit = (id: string) => {
    setCursor(id);
    focus(id);
    view.show(id);
  };
  const pick = (id: string) => {
    anchor.current = id;
    select([id]);
    visit(id);
  };
  const toggle = (id: string) => {
    anchor.current = id;
    select(chosen.includes(id) ? chosen.filter(c => c !== id) : [...chosen, id], id);
    focus(id);
  };
  const extend = (id: string) => {
    const [from, to] = [ids.indexOf(anchor.current ?? stop ?? id), ids.indexOf(id)].sort((a, b) => a - b);
    select(ids.slice(Math.max(0, from), to + 1), id);
    visit(id);
  };

  // The focus stays on its block: React moves the elements of blocks, and a moved one loses it without a word.
  const held = useRef<string | null>(null);
  const active = () => (host.getRootNode() as ShadowRoot | Document).activeElement;
  useEffect(() => {
    const outside = (e: Event) => {
      if (!e.composedPath().includes(host)) held.current = null;
    };
    document.addEventListener("focusin", outside, true);
    document.addEventListener("pointerdown", outside, true);
    return () => {
      document.removeEventListener("focusin", outside, true);
      document.removeEventListener("pointerdown", outside, true);
    };
  }, [host]);
  const refocus = () => {
    const now = active();
    if (held.current === null || (now && now !== pane.current)) return;
    focus(byId.has(held.current) ? held.current : stop);
  };

  const shown = useRef<{ ids: string[]; reveal: string }>({ ids: [], reveal: "" });
  useLayoutEffect(() => {
    const known = new Set(shown.current.ids);
    const reveal = JSON.stringify([data.rev, data.reveal]);
    const asked = reveal !== shown.current.reveal ? (data.reveal ?? []).filter(id => byId.has(id)) : [];
    const fresh = waiting.current ? ids.filter(id => !waiting.current!.has(id)) : [];
    shown.current = { ids, reveal };
    // A block that goes takes the focus along, and with it the next key, if that comes before the next frame.
    const kept = held.current;
    if (kept !== null && !byId.has(kept) && active() === block(kept)) {
      pane.current?.focus({ preventScroll: true });
      held.current = kept;
    }
    if (ids.length && !ids.some(id => known.has(id))) {
      setSelected([]); // another document, or the first
      setCursor(null);
      requestAnimationFrame(() => view.toHome());
    }
    if (asked.length || fresh.length) {
      const list = asked.length ? asked : fresh;
      waiting.current = null;
      anchor.current = list[0];
      select(list);
      requestAnimationFrame(() => view.show(list[list.length - 1]));
      // The focus comes too, unless it is needed where it is: several layers may be added in a row.
      if (fresh.length && !active()?.closest("input, button")) held.current = list[0];
    }
    if (renaming !== null && !byId.has(renaming)) setRenaming(null);
    host.dataset.rev = String(data.rev);
    requestAnimationFrame(() => {
      refocus(); // React Flow moves elements after this effect, in this frame or the next
      requestAnimationFrame(refocus);
    });
  }, [data]);

  return {
    ...{ data, host, flow, pane, search, say, layout, view, ids, byId, chosen, stop },
    ...{ wire, connecting, renaming, message, help, focus, select, pick, toggle, extend, visit },
    ...{ setWire, setConnecting, setRenaming, setMessage, setMap, setHelp },
    mapShown: map ?? ids.length >= MAP_FROM,
    edit: op => {
      if (MAKES.has(op.op)) waiting.current = new Set(ids);
      outbox.edit(op);
    },
    loose: list => ids.filter(id => list.includes(id) && !byId.get(id)!.fixed),
    anchorAt: id => {
      anchor.current = id;
    },
    hold: id => {
      held.current = id;
    },
    homeless: () => held.current !== null && (document.activeElement ?? document.body) === document.body,
  };
}
