/** React Flow's nodes, made of ours. */
import type { Node as FlowNode } from "@xyflow/react";
import { useRef } from "react";
import type { BlockData } from "./Block";
import type { Editor } from "./editor";
import { H, W } from "./geometry";
import { type Say, spoken } from "./text";

/** Make a node for each block; one of which nothing changed stays the same object, which React Flow leaves alone. */
export function useNodes(e: Editor, target: string | null): FlowNode[] {
  const kept = useRef({ say: e.say, nodes: new Map<string, { sign: string; node: FlowNode }>() });
  const last = useRef<FlowNode[]>([]);
  const old = kept.current.say === e.say ? kept.current.nodes : new Map<string, never>();
  const nodes = new Map<string, { sign: string; node: FlowNode }>();
  for (const node of e.data.nodes) {
    const { id } = node;
    const position = e.layout.at.get(id)!;
    const selected = e.chosen.includes(id);
    const data: BlockData = { node, selected, target: id === target, renaming: id === e.renaming };
    const sign = JSON.stringify([data, position, id === e.stop]);
    const before = old.get(id);
    nodes.set(id, before?.sign === sign ? before : { sign, node: make(data, position, id === e.stop, e.say) });
  }
  kept.current = { say: e.say, nodes };
  const list = [...nodes.values()].map(kept => kept.node);
  const same = list.length === last.current.length && list.every((node, i) => node === last.current[i]);
  if (!same) last.current = list;
  return last.current;
}

function make(data: BlockData, position: { x: number; y: number }, stop: boolean, say: Say): FlowNode {
  return {
    id: data.node.id,
    type: "block",
    position,
    data,
    // Known sizes: no pass to measure them, no flash of hidden blocks.
    width: W,
    height: H,
    measured: { width: W, height: H },
    className: "nopan", // a press on a block is ours
    style: { pointerEvents: "all" },
    selected: data.selected,
    ariaLabel: spoken(data.node, say),
    ariaRole: "button",
    domAttributes: {
      tabIndex: stop ? 0 : -1,
      "aria-pressed": data.selected,
      "aria-roledescription": say("block.role"),
      "aria-describedby": "keys",
    },
  };
}
