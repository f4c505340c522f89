/** The canvas: palette, toolbar, the network, and what is drawn while something is moved. */
import { Background, BackgroundVariant, ReactFlow, ReactFlowProvider, useStore, useStoreApi } from "@xyflow/react";
import { type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Block, RenameContext } from "./Block";
import { add, commander } from "./commands";
import { type Editor, useEditor } from "./editor";
import type { Point } from "./geometry";
import { type Gesture, slotOf, useGestures } from "./gestures";
import { Help } from "./Help";
import { type Command, command } from "./keyboard";
import { idOf, mouse } from "./mouse";
import { useNodes } from "./nodes";
import { Overview } from "./Overview";
import { Palette } from "./Palette";
import { SayContext } from "./text";
import { Toolbar } from "./Toolbar";
import { toolsOf } from "./tools";
import type { CanvasData, Send } from "./types";
import { Wires } from "./Wires";

type Props = { data: CanvasData; send: Send; host: HTMLElement };

const nodeTypes = { block: Block };
const FAR = 0.5; // zoom below which only the type of a block can be read
const MANY = 300; // blocks from which those out of sight leave the page (and the tab order)

/** React Flow listens to these on the whole page; all keys are ours. */
const NO_KEYS = {
  deleteKeyCode: null,
  selectionKeyCode: null,
  multiSelectionKeyCode: null,
  panActivationKeyCode: null,
  zoomActivationKeyCode: null,
  disableKeyboardA11y: true,
};

export const Canvas = (props: Props) => (
  <ReactFlowProvider>
    <Inner {...props} />
  </ReactFlowProvider>
);

/** The nodes with the badge of the chosen measure: a switch of the browser's own, which asks Python for nothing. */
function useMeasure(data: CanvasData) {
  const [measure, setMeasure] = useState(lastMeasure);
  const shown = useMemo(() => {
    const badge = (n: CanvasData["nodes"][number]) => n.badges?.[measure] ?? n.badge;
    return { ...data, nodes: data.nodes.map(n => ({ ...n, badge: badge(n), badges: undefined })) };
  }, [data, measure]);
  const choose = (one: number) => {
    lastMeasure = one;
    setMeasure(one);
  };
  return { shown, measure, choose };
}
let lastMeasure = 0; // kept while the page is open, also where the canvas leaves it and comes back

function Inner({ data: given, send, host }: Props) {
  const far = useStore(s => s.transform[2] < FAR);
  const { shown: data, measure, choose } = useMeasure(given);
  const [boxing, setBoxing] = useState(false);
  const e = useEditor(data, send, host);
  const { say } = e;
  const { gesture, ...begin } = useGestures(e.flow, e.pane, e.layout, e, () => e.setMessage(say("status.nowhere")));
  const pointed = e.connecting !== null && e.stop !== e.connecting ? e.stop : undefined;
  const nodes = useNodes(e, (gesture?.kind === "connect" ? gesture.target : pointed) ?? null);
  // React Flow takes new nodes over after the next paint, and what else the page draws comes in between: 0.1-0.3 s on a
  // busy machine. Given to its store here, they are seen with this very frame.
  const store = useStoreApi();
  useLayoutEffect(() => store.getState().setNodes(nodes), [nodes]);
  const run = commander(e);

  const onKeyDown = (at: KeyboardEvent) => {
    at.stopPropagation(); // outside the shadow root our search box looks like a div, and Streamlit has keys of its own
    const from = at.target as HTMLElement;
    if (from.closest("input, select, .help") || at.nativeEvent.isComposing) return;
    const c = command(at);
    if (!c || (from.closest("button") && /^(Enter| |Arrow.*|Home|End)$/.test(at.key))) return;
    at.preventDefault();
    run(c);
  };
  useStrayKeys(host, c => {
    if (data.readonly || (c.do !== "undo" && c.do !== "redo" && !e.homeless())) return false;
    run(c);
    return true;
  });
  const rename = (id: string, name: string | null) => {
    e.setRenaming(null);
    requestAnimationFrame(() => e.focus(id));
    const wanted = name?.trim();
    if (wanted !== undefined && wanted !== e.byId.get(id)?.name) e.edit({ op: "rename", id, name: wanted || null });
  };

  const drop = gesture?.kind === "palette" || gesture?.kind === "move" ? gesture.drop : undefined;
  const marks = {
    dragging: drop !== undefined,
    connecting: e.connecting !== null || gesture?.kind === "connect",
    far,
    readonly: data.readonly,
  };
  const errors = data.nodes.filter(n => n.problem === "error").length;
  const status = e.message || say("status", { blocks: e.ids.length, errors, selected: e.chosen.length });
  return (
    <SayContext.Provider value={say}>
      <RenameContext.Provider value={rename}>
        <div
          className={["canvas", ...Object.entries(marks).flatMap(([name, on]) => (on ? [name] : []))].join(" ")}
          onKeyDown={onKeyDown}
          onFocus={at => e.hold(idOf(at.target) ?? null)}
        >
          {!data.readonly && (
            <Palette
              entries={data.palette}
              search={e.search}
              onAdd={type => add(e, type)}
              onLeave={() => e.focus(e.stop)}
              onDrag={(entry, at) => {
                if (at.button !== 0) return;
                if (at.pointerType === "mouse") {
                  at.preventDefault(); // the focus goes to the network, not to the button
                  e.pane.current!.focus({ preventScroll: true });
                }
                begin.fromPalette(entry, at, () => add(e, entry.type));
              }}
            />
          )}
          <Toolbar groups={toolsOf(e, run)} />
          <div
            className="pane"
            ref={e.pane}
            role="group"
            aria-label={say("network")}
            tabIndex={-1}
            {...mouse(e, begin, run, boxing)}
            onPointerMove={at => {
              if (at.shiftKey !== boxing && !gesture) setBoxing(at.shiftKey && !data.readonly);
            }}
          >
            <ReactFlow
              nodes={nodes}
              edges={[]}
              nodeTypes={nodeTypes}
              onInit={() => e.view.toHome()}
              minZoom={0.04}
              maxZoom={2}
              nodesDraggable={false}
              nodesConnectable={false}
              elementsSelectable={false}
              onlyRenderVisibleElements={e.ids.length > MANY}
              panOnScroll
              panOnDrag={!boxing}
              zoomOnDoubleClick={false}
              {...NO_KEYS}
            >
              <Background variant={BackgroundVariant.Dots} gap={18} />
              <Wires
                layout={e.layout}
                hot={drop && drop !== "end" ? drop.wire : null}
                chosen={e.wire}
                slot={drop === undefined ? null : slotOf(e.layout)}
                slotHot={drop === "end"}
                slotText={say("end")}
                pull={gesture?.kind === "connect" ? [gesture.from, gesture.to] : null}
              />
            </ReactFlow>
            {(data.measures?.length ?? 0) > 1 && (
              <select
                className="measure"
                aria-label={say("measure")}
                title={say("measure")}
                value={measure}
                onChange={at => choose(Number(at.target.value))}
              >
                {data.measures!.map((name, i) => (
                  <option key={name} value={i}>
                    {name}
                  </option>
                ))}
              </select>
            )}
            {e.ids.length <= 1 && <p className="empty">{say("empty")}</p>}
          </div>
          {e.mapShown && e.ids.length > 0 && <Overview layout={e.layout} nodes={data.nodes} />}
          {gesture && <Hand gesture={gesture} editor={e} />}
          {e.help && (
            <Help
              onClose={() => {
                e.setHelp(false);
                e.focus(e.stop);
              }}
            />
          )}
          {e.message && <div className="message">{e.message}</div>}
          <div className="unseen" id="keys">
            {say("block.keys")}
          </div>
          <div className="unseen" role="status" aria-live="polite">
            {status}
          </div>
        </div>
      </RenameContext.Provider>
    </SayContext.Provider>
  );
}

const TYPED_INTO = "input, textarea, select, [contenteditable]";

/**
 * Keys that are pressed outside of the canvas: those in the frames in which React moves the block with the focus and no
 * element has it, and undo and redo wherever nothing is being typed. `take` says whether it took the command.
 */
function useStrayKeys(host: HTMLElement, take: (c: Command) => boolean) {
  const now = useRef(take);
  now.current = take;
  useEffect(() => {
    const listen = (at: globalThis.KeyboardEvent) => {
      const from = at.composedPath()[0];
      if (at.defaultPrevented || at.isComposing || at.composedPath().includes(host)) return;
      if (from instanceof Element && from.closest(TYPED_INTO)) return;
      const c = command(at);
      if (!c || !now.current(c)) return;
      at.preventDefault();
      at.stopPropagation(); // before Streamlit's page-wide shortcuts
    };
    addEventListener("keydown", listen, true);
    return () => removeEventListener("keydown", listen, true);
  }, [host]);
}

/** What hangs at the pointer: the block that is moved, or a box around blocks. */
function Hand({ gesture: g, editor: e }: { gesture: Gesture; editor: Editor }) {
  const corner = e.host.getBoundingClientRect();
  const place = (p: Point) => ({ left: p.x - corner.left, top: p.y - corner.top });
  if (g.kind === "box") {
    const [from, to] = [place(e.flow.flowToScreenPosition(g.from)), place(e.flow.flowToScreenPosition(g.to))];
    const [left, top] = [Math.min(from.left, to.left), Math.min(from.top, to.top)];
    const [width, height] = [Math.abs(to.left - from.left), Math.abs(to.top - from.top)];
    return <div className="box" style={{ left, top, width, height }} />;
  }
  if (g.kind === "connect") return null;
  return (
    <div className={`ghost cat-${g.category}${g.drop ? "" : " nowhere"}`} style={place(g.at)}>
      {g.text}
    </div>
  );
}
