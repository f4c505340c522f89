/**
 * The whole network in a strip beside it, as high as the canvas: a stack is tall, and nothing is covered.
 * React Flow's own map makes room for the view, which is wider than a stack: the blocks would be dots.
 */
import { useReactFlow, useStore } from "@xyflow/react";
import { memo, type PointerEvent, useRef } from "react";
import { H, W } from "./geometry";
import type { Layout } from "./stack";
import { useSay } from "./text";
import type { Node } from "./types";

const WIDTH = 68,
  LEAST = 4; // width of the picture; at most a quarter of the real size

const Blocks = memo(({ layout, nodes, scale }: { layout: Layout; nodes: Node[]; scale: number }) => (
  <>
    {nodes.map(n => {
      const at = layout.at.get(n.id)!,
        margin = n.problem ? 1.5 : 0;
      return (
        <rect
          key={n.id}
          className={`cat-${n.category}${n.problem ? ` has-${n.problem}` : ""}`}
          x={at.x / scale - margin}
          y={at.y / scale - margin}
          width={W / scale + 2 * margin}
          height={Math.max(1, H / scale) + 2 * margin}
          rx={Math.min(2, H / scale / 3)}
        />
      );
    })}
  </>
));

export function Overview({ layout, nodes }: { layout: Layout; nodes: Node[] }) {
  const say = useSay(),
    flow = useReactFlow(),
    picture = useRef<SVGSVGElement>(null),
    held = useRef(false);
  const [x, y, zoom] = useStore(s => s.transform),
    width = useStore(s => s.width),
    height = useStore(s => s.height);
  const scale = Math.max(LEAST, layout.width / WIDTH, layout.height / Math.max(1, height - 16));
  const go = (e: PointerEvent) => {
    const r = picture.current!.getBoundingClientRect();
    const to = { x: (e.clientX - r.left) * scale, y: (e.clientY - r.top) * scale };
    // What fits in width stays in the middle.
    const middle = layout.width * zoom <= width ? (layout.width * zoom) / 2 : to.x * zoom;
    void flow.setViewport({ x: width / 2 - middle, y: height / 2 - to.y * zoom, zoom });
  };
  const left = Math.max(-4, -x / zoom / scale),
    top = Math.max(-4, -y / zoom / scale);
  const right = Math.min(layout.width / scale + 4, (width - x) / zoom / scale),
    bottom = Math.min(layout.height / scale + 4, (height - y) / zoom / scale);
  return (
    <div className="overview">
      <svg
        ref={picture}
        role="img"
        aria-label={say("map")}
        width={layout.width / scale}
        height={layout.height / scale}
        onPointerDown={e => {
          held.current = true;
          e.currentTarget.setPointerCapture(e.pointerId);
          go(e);
        }}
        onPointerMove={e => {
          if (held.current) go(e);
        }}
        onPointerUp={() => {
          held.current = false;
        }}
        onPointerCancel={() => {
          held.current = false;
        }}
      >
        <Blocks layout={layout} nodes={nodes} scale={scale} />
        {right > left && bottom > top && (
          <rect className="seen" x={left} y={top} width={right - left} height={bottom - top} rx={3} />
        )}
      </svg>
    </div>
  );
}
