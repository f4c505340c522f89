/** What part of the network is seen: the start, a block, all. */
import type { ReactFlowInstance, Viewport } from "@xyflow/react";
import type { RefObject } from "react";
import { H, W } from "./geometry";
import type { Layout } from "./stack";

const MARGIN = 28,
  READABLE = 0.9;

const calm = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 160);

/** A tall stack starts at its top, readable: the whole of it would be a line of dots. A small one is shown whole. */
export function home(layout: Layout, width: number, height: number): Viewport {
  const fits = Math.min((width - 2 * MARGIN) / (layout.width || 1), (height - 2 * MARGIN) / (layout.height || 1));
  const across = (width - 2 * MARGIN) / (layout.width || 1);
  const zoom = fits >= 0.7 ? Math.min(1, fits) : Math.max(0.55, Math.min(READABLE, across));
  const wide = layout.width * zoom > width - 2 * MARGIN;
  return { x: wide ? MARGIN : (width - layout.width * zoom) / 2, y: MARGIN, zoom };
}

export type View = ReturnType<typeof useView>;

export function useView(flow: ReactFlowInstance, pane: RefObject<HTMLDivElement>, layout: Layout) {
  const size = () => ({ width: pane.current!.clientWidth, height: pane.current!.clientHeight });
  return {
    toHome() {
      const { width, height } = size();
      void flow.setViewport(home(layout, width, height));
    },
    toAll() {
      const { width, height } = size();
      const zoom = Math.max(
        0.04,
        Math.min(1, (width - 2 * MARGIN) / (layout.width || 1), (height - 2 * MARGIN) / (layout.height || 1)),
      );
      void flow.setViewport(
        { x: (width - layout.width * zoom) / 2, y: (height - layout.height * zoom) / 2, zoom },
        { duration: calm() },
      );
    },
    by(factor: number) {
      void (factor > 1 ? flow.zoomIn({ duration: calm() }) : flow.zoomOut({ duration: calm() }));
    },
    /** Move as little as needed for a block to be seen. */
    show(id: string) {
      const at = layout.at.get(id);
      if (!at) return;
      const { width, height } = size(),
        view = flow.getViewport();
      const shift = (from: number, length: number, room: number) =>
        from < MARGIN
          ? MARGIN - from
          : from + length > room - MARGIN
            ? Math.max(room - MARGIN - from - length, MARGIN - from)
            : 0;
      const dx = shift(at.x * view.zoom + view.x, W * view.zoom, width),
        dy = shift(at.y * view.zoom + view.y, H * view.zoom, height);
      if (dx || dy) void flow.setViewport({ x: view.x + dx, y: view.y + dy, zoom: view.zoom }, { duration: calm() });
    },
  };
}
