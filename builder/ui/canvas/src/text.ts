/** Texts come from Python (texts/canvas.json): this side knows only their keys. */
import { createContext, useContext } from "react";
import type { Node } from "./types";

export type Say = { (key: string, values?: Record<string, string | number>): string; has: (key: string) => boolean };

export const speaker = (labels: Record<string, string>): Say =>
  Object.assign(
    (key: string, values: Record<string, string | number> = {}) =>
      (labels[key] ?? key).replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place)),
    { has: (key: string) => key in labels },
  );

export const SayContext = createContext<Say>(speaker({}));
export const useSay = () => useContext(SayContext);

/** Whether the name says more than "the third ReLU". */
export const named = (n: Node) => n.name !== n.type && !new RegExp(`(^|/)${n.type}_\\d+$`).test(n.name);

/** All that a block shows, for those who hear it. */
export function spoken(n: Node, say: Say): string {
  const parts = [
    say("block", { type: n.type, name: n.name, shape: n.shape || "?", badge: n.badge }).replace(/[,\s]+$/, ""),
  ];
  if (n.settings) parts.push(say("block.settings", { settings: n.settings }));
  if (n.note) parts.push(n.note);
  if (n.problem) parts.push(say(`block.${n.problem}`, { message: n.message ?? "" }));
  return parts.join(", ");
}
