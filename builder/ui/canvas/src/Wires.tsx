/** All lines in one picture below the blocks, and what a gesture draws: where a block would land, a new line. */
import { ViewportPortal } from "@xyflow/react";
import { memo } from "react";
import { H, type Point, svgPath, W } from "./geometry";
import type { Layout } from "./stack";

type Props = {
  layout: Layout;
  hot: string | null;
  chosen: string | null;
  slot: Point | null;
  slotHot: boolean;
  slotText: string;
  pull: [Point, Point] | null;
};

export const Wires = memo(({ layout, hot, chosen, slot, slotHot, slotText, pull }: Props) => {
  const mark = (id: string) => (id === hot ? " hot" : id === chosen ? " chosen" : "");
  return (
    <ViewportPortal>
      <svg className="wires" width="1" height="1" aria-hidden="true">
        <defs>
          {["", "hot"].map(kind => (
            <marker
              key={kind}
              id={`arrow${kind}`}
              className={`arrow ${kind}`}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="8"
              markerHeight="8"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0.500 0.500 7.500 4 0.500 7.500z" />
            </marker>
          ))}
        </defs>
        {layout.wires.map(w => (
          <path
            key={w.id}
            className={`wire${w.skip ? " skip" : ""}${mark(w.id)}`}
            d={svgPath(w.path)}
            markerEnd={`url(#arrow${mark(w.id) ? "hot" : ""})`}
          />
        ))}
        {pull && <path className="wire hot pull" d={`M${pull[0].x},${pull[0].y}L${pull[1].x},${pull[1].y}`} />}
      </svg>
      {slot && (
        <div
          className={`slot${slotHot ? " hot" : ""}`}
          style={{ transform: `translate(${slot.x}px,${slot.y}px)`, width: W, height: H }}
        >
          {slotText}
        </div>
      )}
    </ViewportPortal>
  );
});
