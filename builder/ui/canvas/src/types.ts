/** What Python sends (edits.py: CanvasData) and what goes back. */

export type Node = {
  id: string;
  name: string;
  type: string;
  category: string;
  settings: string;
  shape: string;
  badge: string;
  badges?: string[];
  problem?: null | "error" | "warning";
  message?: string | null;
  fold?: boolean;
  fixed?: boolean;
  health?: null | "good" | "watch" | "bad";
  note?: string | null;
};
export type Edge = [source: string, target: string];
export type PaletteEntry = { type: string; category: string; help: string; name?: string };

export type CanvasData = {
  ack: number;
  rev: number;
  nonce: string;
  nodes: Node[];
  edges: Edge[];
  palette: PaletteEntry[];
  labels: Record<string, string>;
  measures?: string[];
  can?: { undo?: boolean; redo?: boolean; paste?: boolean; leave?: boolean };
  reveal?: string[] | null;
  readonly?: boolean;
};

export type Op =
  | { op: "insert"; type: string; after: string | null; before: string | null }
  | { op: "append"; type: string }
  | { op: "delete" | "copy" | "cut" | "duplicate"; ids: string[] }
  | { op: "move"; ids: string[]; by: -1 | 1 }
  | { op: "move"; ids: string[]; after: string | null; before: string | null }
  | { op: "connect" | "disconnect"; source: string; target: string }
  | { op: "paste"; after: string | null }
  | { op: "fold"; ids: string[]; into: "Unit" | "Repeat" }
  | { op: "unfold" | "enter"; id: string }
  | { op: "rename"; id: string; name: string | null }
  | { op: "undo" | "redo" | "leave" };
export type Edit = Op & { seq: number; nonce: string };

export type Send = { edit: (op: Op) => void; select: (ids: string[]) => void };
