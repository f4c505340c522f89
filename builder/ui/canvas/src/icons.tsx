/** Line icons, 16 x 16, drawn for this canvas. */
import { memo } from "react";

const PATHS: Record<string, string> = {
  undo: "M5.5 3 2.5 6l3 3M3 6h6a4 4 0 0 1 0 8H6",
  redo: "m10.5 3 3 3-3 3M13 6H7a4 4 0 0 0 0 8h3",
  cut: "M4.5 13.5a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zm7 0a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zM5.5 10.2 11 2.5M10.5 10.2 5 2.5",
  copy: "M6 6h7.5v7.5H6zM10 6V2.5H2.5V10H6",
  paste: "M5.5 3.5h-2v10h9v-10h-2M5.5 2.5h5v2.5h-5zM6 8h4M6 10.5h4",
  duplicate: "M6 6h7.5v7.5H6zM10 6V2.5H2.5V10H6M9.750 8v3.5M8 9.750h3.5",
  delete: "M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4",
  rename: "M2.5 13.5h11M4 11V8.8l6.5-6.5 2.2 2.2L6.2 11z",
  connect:
    "M4 6a1.7 1.7 0 1 0 0-3.4A1.7 1.7 0 0 0 4 6zm8 7.4a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zM4 6v2c0 3 6 0 6 3.7",
  "fold.unit": "M2.5 2.5h11v11h-11zM5.5 6h5M5.5 8.2h5M5.5 10.4h5",
  "fold.repeat": "M3 7V5.5a2 2 0 0 1 2-2h7M10 1.5l2 2-2 2M13 9v1.5a2 2 0 0 1-2 2H4M6 14.5l-2-2 2-2",
  unfold: "M8 1.5v4M6 3.5l2-2 2 2M8 14.5v-4M6 12.5l2 2 2-2M2.5 8h11",
  enter: "M3 2.5h10.5v11H3M2.5 8h7M7 5.5 9.5 8 7 10.5",
  leave: "M13 13.5v-4a3 3 0 0 0-3-3H3M6 3.5l-3 3 3 3",
  "zoom.in": "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.5 3.5M7 5v4M5 7h4",
  "zoom.out": "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.5 3.5M5 7h4",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  map: "M2.5 3.5h11v9h-11zM9.5 5.5h2.5v3H9.5z",
  help: "M6 6a2 2 0 1 1 2.8 1.8c-.6.3-.8.7-.8 1.4M8 11.6v.1M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z",
  turn: "m6 4 4 4-4 4",
  close: "m4 4 8 8M12 4l-8 8",
};

export const Icon = memo(({ name }: { name: string }) => (
  <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
));
