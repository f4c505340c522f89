/** The canvas: palette, toolbar and the network; what is selected, what has the focus, what a command does. */
import { Background, BackgroundVariant, ReactFlow, ReactFlowProvider, useReactFlow, useStore, type Node as FlowNode } from "@xyflow/react";
import { type KeyboardEvent, type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Block, type BlockData, RenameContext } from "./Block";
import { H, type Point, W } from "./geometry";
import { blockAt, slotOf, useGestures, wireAt } from "./gestures";
import { CTRL, Help, SHIFT } from "./Help";
import { command, type Command } from "./keyboard";
import { Overview } from "./Overview";
import { Palette } from "./Palette";
import { stack } from "./stack";
import { SayContext, speaker, spoken } from "./text";
import { Toolbar, type Tool } from "./Toolbar";
import type { CanvasData, Op, Send } from "./types";
import { useView } from "./view";
import { Wires } from "./Wires";

type Props = { data: CanvasData; send: Send; host: HTMLElement };

const nodeTypes = { block: Block };
const FAR = 0.5;                                // zoom below which only the type of a block can be read
const MANY = 300;                               // blocks from which those out of sight leave the page (and the tab order)
const MAP_FROM = 9;                             // blocks from which the overview is shown

export const Canvas = (props: Props) => <ReactFlowProvider><Inner {...props} /></ReactFlowProvider>;

/** Keep the object of a block as long as nothing of it changes, so that React Flow leaves it alone. */
function useSame<T>() {
  const kept = useRef(new Map<string, { sign: string; value: T }>());
  return (entries: { id: string; sign: string; make: () => T }[]): T[] => {
    const old = kept.current;
    kept.current = new Map(entries.map(({ id, sign, make }) => [id, old.get(id)?.sign === sign ? old.get(id)! : { sign, value: make() }]));
    return [...kept.current.values()].map(k => k.value);
  };
}

/** What makes blocks: those that come with the answer are new, and get the selection. */
const MAKES = new Set<Op["op"]>(["insert", "append", "paste", "duplicate", "fold", "unfold"]);

function Inner({ data, send: outbox, host }: Props) {
  const flow = useReactFlow(), far = useStore(s => s.transform[2] < FAR);
  const pane = useRef<HTMLDivElement>(null), search = useRef<HTMLInputElement>(null);
  const [selected, setSelected] = useState<string[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [wire, setWire] = useState<string | null>(null);
  const [connecting, setConnecting] = useState<string | null>(null);
  const [renaming, setRenaming] = useState<string | null>(null);
  const [boxing, setBoxing] = useState(false);
  const [map, setMap] = useState<boolean | null>(null);
  const [help, setHelp] = useState(false);
  const [message, setMessage] = useState("");
  const anchor = useRef<string | null>(null), waiting = useRef<Set<string> | null>(null);

  const labels = JSON.stringify(data.labels);
  const say = useMemo(() => speaker(data.labels), [labels]);
  const ids = data.nodes.map(n => n.id), structure = JSON.stringify([ids, data.edges]);
  const layout = useMemo(() => stack(ids, data.edges), [structure]);
  const byId = useMemo(() => new Map(data.nodes.map(n => [n.id, n])), [data]);
  const send: Send = { select: outbox.select, edit: op => { if (MAKES.has(op.op)) waiting.current = new Set(ids); outbox.edit(op); } };
  const view = useView(flow, pane, layout);
  const { gesture, ...begin } = useGestures(flow, pane, layout, send, () => setMessage(say("status.nowhere")));

  const chosen = selected.filter(id => byId.has(id));
  const stop = cursor !== null && byId.has(cursor) ? cursor : chosen[0] ?? ids[0];   // the one block in the tab order
  const loose = (list: string[]) => list.filter(id => byId.has(id) && !byId.get(id)!.fixed);
  const inOrder = (list: string[]) => ids.filter(id => list.includes(id));

  const focus = (id: string) => host.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
  const select = (list: string[], at: string | null = list[list.length - 1] ?? null) => {
    setSelected(list); setWire(null); setMessage("");
    if (at !== null) setCursor(at);
    send.select(list);
  };
  /** New blocks are shown, and have the focus unless it is needed where it is: several layers may be added in a row. */
  const arrive = (list: string[]) => {
    view.show(list[list.length - 1]);
    if (!(host.getRootNode() as ShadowRoot).activeElement?.closest("input, button")) held.current = list[0];
  };
  const pick = (id: string) => { anchor.current = id; select([id]); focus(id); view.show(id); };
  const add = (type: string) => {
    const after = inOrder(chosen).pop();
    send.edit(after === undefined ? { op: "append", type } : { op: "insert", type, after, before: null });
  };
  const toggleLink = (source: string, target: string) => {
    setConnecting(null); setMessage("");
    if (source !== target) send.edit({ op: data.edges.some(([a, b]) => a === source && b === target) ? "disconnect" : "connect", source, target });
  };

  // The focus stays on its block: React moves the elements of blocks, and a moved one loses it without a word.
  const held = useRef<string | null>(null);
  useEffect(() => {
    const outside = (e: Event) => { if (!e.composedPath().includes(host)) held.current = null; };
    document.addEventListener("focusin", outside, true);
    document.addEventListener("pointerdown", outside, true);
    return () => { document.removeEventListener("focusin", outside, true); document.removeEventListener("pointerdown", outside, true); };
  }, [host]);
  const refocus = (): void => {
    const active = (host.getRootNode() as ShadowRoot).activeElement;
    if (held.current !== null && (!active || active === pane.current) && stop !== undefined) focus(byId.has(held.current) ? held.current : stop);
  };

  const shown = useRef<{ ids: string[]; reveal: string }>({ ids: [], reveal: "" });
  useLayoutEffect(() => {
    const known = new Set(shown.current.ids), reveal = JSON.stringify([data.rev, data.reveal]);
    const fresh = waiting.current ? ids.filter(id => !waiting.current!.has(id)) : [];
    if (ids.length && !ids.some(id => known.has(id))) { setSelected([]); setCursor(null); requestAnimationFrame(() => view.toHome()); }
    else if (data.reveal?.length && reveal !== shown.current.reveal && byId.has(data.reveal[0])) { select(data.reveal); requestAnimationFrame(() => view.show(data.reveal![0])); }
    else if (fresh.length) { waiting.current = null; anchor.current = fresh[0]; select(fresh); arrive(fresh); }
    shown.current = { ids, reveal };
    host.dataset.rev = String(data.rev);
    requestAnimationFrame(() => { refocus(); requestAnimationFrame(refocus); });      // React Flow moves elements after this effect
  }, [data]);
  useEffect(() => { if (renaming !== null && !byId.has(renaming)) setRenaming(null); }, [byId, renaming]);

  const target = gesture?.kind === "connect" ? gesture.target : connecting !== null && stop !== connecting ? stop : null;
  const same = useSame<FlowNode>();
  const nodes = same(data.nodes.map(n => {
    const at = layout.at.get(n.id)!, on = chosen.includes(n.id);
    const props: BlockData = { node: n, selected: on, target: n.id === target, renaming: n.id === renaming };
    const sign = JSON.stringify([props, at, n.id === stop, labels]);
    return { id: n.id, sign, make: () => ({
      id: n.id, type: "block", position: at, data: props, width: W, height: H, measured: { width: W, height: H }, className: "nopan", style: { pointerEvents: "all" }, selected: on,
      ariaLabel: spoken(n, say), ariaRole: "button",
      domAttributes: { tabIndex: n.id === stop ? 0 : -1, "aria-pressed": on, "aria-roledescription": say("block.role"), "aria-describedby": "keys" },
    } as FlowNode) };
  }));

  const perform: Record<Command["do"], (c: Command) => void> = {
    step: c => {
      if (c.do !== "step") return;
      const i = Math.max(0, Math.min(ids.length - 1, ids.indexOf(stop) + (chosen.length || connecting || c.by < 0 ? c.by : 0))), id = ids[i];
      if (id === undefined) return;
      if (connecting !== null) { setCursor(id); focus(id); view.show(id); return; }
      if (!c.extend) return pick(id);
      const from = Math.max(0, ids.indexOf(anchor.current ?? stop));
      select(ids.slice(Math.min(from, i), Math.max(from, i) + 1), id);
      focus(id); view.show(id);
    },
    side: c => {
      const here = layout.at.get(stop);
      if (c.do !== "side" || !here) return;
      const near = [...layout.at].filter(([, p]) => (p.x - here.x) * c.by > W / 2)
        .sort(([, p], [, q]) => Math.abs(p.x - here.x) + 2 * Math.abs(p.y - here.y) - Math.abs(q.x - here.x) - 2 * Math.abs(q.y - here.y))[0];
      if (!near) return;
      if (connecting === null) pick(near[0]); else { setCursor(near[0]); focus(near[0]); view.show(near[0]); }
    },
    end: c => { const id = ids[c.do === "end" && c.last ? ids.length - 1 : 0]; if (id !== undefined) pick(id); },
    move: c => { const list = inOrder(loose(chosen)); if (c.do === "move" && list.length) send.edit({ op: "move", ids: list, by: c.by }); },
    undo: () => send.edit({ op: "undo" }),
    redo: () => send.edit({ op: "redo" }),
    cut: () => remove("cut"),
    delete: () => remove("delete"),
    copy: () => { const list = inOrder(loose(chosen)); if (list.length) send.edit({ op: "copy", ids: list }); },
    paste: () => { send.edit({ op: "paste", after: inOrder(chosen).pop() ?? null }); },
    duplicate: () => { const list = inOrder(loose(chosen)); if (list.length) { send.edit({ op: "duplicate", ids: list }); } },
    rename: () => { const [id] = loose([stop]); if (id !== undefined) setRenaming(id); },
    connect: () => { if (stop === undefined) return; setConnecting(stop); setMessage(say("status.connect", { name: byId.get(stop)!.name })); focus(stop); },
    "fold.unit": () => fold("Unit"),
    "fold.repeat": () => fold("Repeat"),
    unfold: () => { const id = chosen.find(id => byId.get(id)!.fold); if (id !== undefined) { send.edit({ op: "unfold", id }); } },
    enter: () => {
      if (connecting !== null) return toggleLink(connecting, stop);
      if (stop === undefined) return;
      if (!chosen.includes(stop)) pick(stop); else if (byId.get(stop)!.fold) send.edit({ op: "enter", id: stop });
    },
    leave: () => { if (data.can?.leave) send.edit({ op: "leave" }); },
    all: () => select(loose(ids)),
    toggle: () => { if (connecting !== null) toggleLink(connecting, stop); else if (stop !== undefined) toggle(stop); },
    find: () => search.current?.focus(),
    fit: () => view.toAll(),
    "zoom.in": () => view.by(1.2),
    "zoom.out": () => view.by(1 / 1.2),
    map: () => setMap(!mapShown),
    help: () => setHelp(!help),
    escape: () => {
      if (connecting !== null) { setConnecting(null); setMessage(""); }
      else if (chosen.length || wire !== null) select([], null);
    },
  };
  const VIEW = new Set<Command["do"]>(["step", "side", "end", "all", "toggle", "fit", "zoom.in", "zoom.out", "map", "help", "escape", "enter", "leave"]);
  function toggle(id: string) { anchor.current = id; select(chosen.includes(id) ? chosen.filter(c => c !== id) : [...chosen, id], id); focus(id); }
  function fold(into: "Unit" | "Repeat") { const list = inOrder(loose(chosen)); if (list.length) { send.edit({ op: "fold", ids: list, into }); } }
  function remove(op: "cut" | "delete") {
    const link = layout.wires.find(w => w.id === wire), list = inOrder(loose(chosen));
    if (link && op === "delete") { setWire(null); setMessage(""); send.edit({ op: "disconnect", source: link.source, target: link.target }); return; }
    if (!list.length) return;
    const last = ids.indexOf(list[list.length - 1]);
    const next = ids.slice(last + 1).find(id => !list.includes(id)) ?? ids.slice(0, last).reverse().find(id => !list.includes(id));
    send.edit({ op, ids: list });
    if (next === undefined) select([], null); else pick(next);
  }
  const run = (c: Command) => { if (!data.readonly || VIEW.has(c.do)) perform[c.do](c); };

  const onKeyDown = (e: KeyboardEvent) => {
    e.stopPropagation();                         // outside the shadow root our search box looks like a div, and Streamlit has keys of its own
    const at = e.target as HTMLElement;
    if (at.closest("input, .help") || e.nativeEvent.isComposing) return;
    const onButton = at.closest("button") !== null, c = command(e);
    if (!c || (onButton && (e.key === "Enter" || e.key === " " || e.key.startsWith("Arrow") || e.key === "Home" || e.key === "End"))) return;
    e.preventDefault();
    run(c);
  };

  const point = (e: { clientX: number; clientY: number }): Point => flow.screenToFlowPosition({ x: e.clientX, y: e.clientY });
  const onPointerDown = (e: PointerEvent) => {
    const at = e.target as HTMLElement;
    if (e.button !== 0 || at.closest("input, button, .react-flow__attribution, .help")) return;
    const port = at.closest<HTMLElement>("[data-port]")?.dataset.port, id = at.closest<HTMLElement>(".react-flow__node")?.dataset.id;
    if (data.readonly) return;
    if (port !== undefined) begin.fromPort(port, e);
    else if (id !== undefined && !e.shiftKey) {
      const list = inOrder(loose(chosen.includes(id) ? chosen : [id])), first = byId.get(list[0]);
      if (first) begin.fromBlocks(list, list.length > 1 ? `${first.type} + ${list.length - 1}` : first.type, first.category, e);
    } else if (id === undefined && (e.shiftKey || boxing)) begin.box(e, list => { anchor.current = list[0] ?? null; select(list); });
  };
  const onClick = (e: React.MouseEvent) => {
    const at = e.target as HTMLElement, id = at.closest<HTMLElement>(".react-flow__node")?.dataset.id;
    if (at.closest("input, button, .react-flow__attribution")) return;
    if (id !== undefined) {
      if (connecting !== null) toggleLink(connecting, id);
      else if (e.ctrlKey || e.metaKey) toggle(id);
      else if (e.shiftKey) {
        const i = ids.indexOf(id), from = Math.max(0, ids.indexOf(anchor.current ?? stop));
        select(ids.slice(Math.min(from, i), Math.max(from, i) + 1), id);
      } else { anchor.current = id; select([id]); focus(id); }
      return;
    }
    if (e.shiftKey || boxing) return;            // the end of a box
    const near = data.readonly ? null : wireAt(layout, point(e), 9 / flow.getZoom()), link = layout.wires.find(w => w.id === near);
    select([], null);
    setConnecting(null);
    setWire(near);
    if (link) setMessage(say("status.edge", { source: byId.get(link.source)!.name, target: byId.get(link.target)!.name }));
    pane.current!.focus({ preventScroll: true });
  };
  const onDoubleClick = (e: React.MouseEvent) => {
    const id = (e.target as HTMLElement).closest("input") ? null : blockAt(layout, point(e));
    if (id === null || byId.get(id)!.fixed) return;
    if (byId.get(id)!.fold) run({ do: "enter" }); else if (!data.readonly) setRenaming(id);
  };
  const rename = (id: string, name: string | null) => {
    setRenaming(null);
    requestAnimationFrame(() => focus(id));
    if (name !== null && name.trim() !== byId.get(id)?.name) send.edit({ op: "rename", id, name: name.trim() || null });
  };

  const mapShown = map ?? ids.length >= MAP_FROM, none = !loose(chosen).length, can = data.can ?? {};
  const tool = (name: Command["do"], keys: string, off = false, on?: boolean): Tool => ({ name, keys, off, on, run: () => run({ do: name } as Command) });
  const editing: Tool[][] = data.readonly ? [] : [
    [tool("undo", `${CTRL}Z`, can.undo === false), tool("redo", `${CTRL}${SHIFT}Z`, can.redo === false)],
    [tool("cut", `${CTRL}X`, none), tool("copy", `${CTRL}C`, none), tool("paste", `${CTRL}V`, can.paste === false), tool("duplicate", `${CTRL}D`, none), tool("delete", "Delete", none && wire === null)],
    [tool("rename", "F2", chosen.length !== 1 || none), tool("connect", "C", chosen.length !== 1, connecting !== null)],
    [tool("fold.unit", "U", none), tool("fold.repeat", "R", none), tool("unfold", "E", !chosen.some(id => byId.get(id)!.fold))],
  ];
  const inner = can.leave || data.nodes.some(n => n.fold);
  const looking: Tool[][] = [
    ...(inner ? [[tool("enter", "Enter", !(chosen.length === 1 && byId.get(chosen[0])!.fold)), tool("leave", "L", !can.leave)]] : []),
    [tool("zoom.out", "−"), tool("zoom.in", "+"), tool("fit", "F"), tool("map", "M", false, mapShown), tool("help", "?", false, help)],
  ];

  const dragging = gesture?.kind === "palette" || gesture?.kind === "move" ? gesture : null, drop = dragging?.drop ?? null;
  const box = gesture?.kind === "box" ? gesture : null, corner = host.getBoundingClientRect();
  const errors = data.nodes.filter(n => n.problem === "error").length;
  return (
    <SayContext.Provider value={say}>
      <RenameContext.Provider value={rename}>
        <div className={`canvas${dragging ? " dragging" : ""}${connecting !== null || gesture?.kind === "connect" ? " connecting" : ""}${far ? " far" : ""}${data.readonly ? " readonly" : ""}`} onKeyDown={onKeyDown}
          onFocus={e => { held.current = (e.target as HTMLElement).closest<HTMLElement>(".react-flow__node")?.dataset.id ?? null; }}>
          {!data.readonly && <Palette entries={data.palette} search={search} onAdd={add} onLeave={() => { if (stop !== undefined) focus(stop); }}
            onDrag={(p, e) => { if (e.button === 0) begin.fromPalette(p.type, p.category, e, () => add(p.type)) }} />}
          <Toolbar groups={[...editing, ...looking]} />
          <div className="pane" ref={pane} role="group" aria-label={say("network")} tabIndex={-1} onPointerDown={onPointerDown} onClick={onClick} onDoubleClick={onDoubleClick}
            onPointerMove={e => { if (e.shiftKey !== boxing && !gesture) setBoxing(e.shiftKey && !data.readonly); }}>
            <ReactFlow nodes={nodes} edges={[]} nodeTypes={nodeTypes} onInit={() => view.toHome()} minZoom={0.04} maxZoom={2}
              nodesDraggable={false} nodesConnectable={false} edgesFocusable={false} elementsSelectable={false} onlyRenderVisibleElements={ids.length > MANY}
              panOnScroll panOnDrag={!boxing} zoomOnDoubleClick={false} disableKeyboardA11y
              deleteKeyCode={null} selectionKeyCode={null} multiSelectionKeyCode={null} panActivationKeyCode={null} zoomActivationKeyCode={null}>
              <Background variant={BackgroundVariant.Dots} gap={18} />
              <Wires layout={layout} hot={drop && drop !== "end" ? drop.wire : null} chosen={wire} slot={dragging ? slotOf(layout) : null} slotHot={drop === "end"} slotText={say("end")}
                pull={gesture?.kind === "connect" ? [gesture.from, gesture.to] : null} />
            </ReactFlow>
            {!ids.length && <p className="empty">{say("empty")}</p>}
            {box && <Box from={flow.flowToScreenPosition(box.from)} to={flow.flowToScreenPosition(box.to)} corner={pane.current!.getBoundingClientRect()} />}
          </div>
          {mapShown && ids.length > 0 && <Overview layout={layout} nodes={data.nodes} />}
          {dragging && <div className={`ghost cat-${dragging.category}${drop ? "" : " nowhere"}`} style={{ left: dragging.at.x - corner.left, top: dragging.at.y - corner.top }}>{dragging.kind === "move" ? dragging.text : dragging.type}</div>}
          {help && <Help onClose={() => { setHelp(false); if (stop !== undefined) focus(stop); }} />}
          {message && <div className="message">{message}</div>}
          <div className="unseen" id="keys">{say("block.keys")}</div>
          <div className="unseen" role="status" aria-live="polite">{message || say("status", { blocks: ids.length, errors, selected: chosen.length })}</div>
        </div>
      </RenameContext.Provider>
    </SayContext.Provider>);
}

const Box = ({ from, to, corner }: { from: Point; to: Point; corner: DOMRect }) =>
  <div className="box" style={{ left: Math.min(from.x, to.x) - corner.left, top: Math.min(from.y, to.y) - corner.top, width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) }} />;
