/** The buttons of the toolbar, in groups, and which of them are off. */
import type { Editor } from "./editor";
import { CTRL, SHIFT } from "./Help";
import type { Command } from "./keyboard";
import type { Tool } from "./Toolbar";

/** Commands that need nothing but their name. */
type Named = Exclude<Command["do"], "step" | "side" | "end" | "move">;

export function toolsOf(e: Editor, run: (c: Command) => void): Tool[][] {
  const tool = (name: Named, keys: string, off = false, on?: boolean): Tool => {
    return { name, keys, off, on, run: () => run({ do: name }) };
  };
  const can = e.data.can ?? {};
  const none = !e.loose(e.chosen).length;
  const one = e.chosen.length === 1;
  const folded = e.chosen.filter(id => e.byId.get(id)!.fold);
  const editing = [
    [tool("undo", `${CTRL}Z`, can.undo === false), tool("redo", `${CTRL}${SHIFT}Z`, can.redo === false)],
    [
      tool("cut", `${CTRL}X`, none),
      tool("copy", `${CTRL}C`, none),
      tool("paste", `${CTRL}V`, can.paste === false),
      tool("duplicate", `${CTRL}D`, none),
      tool("delete", "Delete", none && e.wire === null),
    ],
    [tool("rename", "F2", !one || none), tool("connect", "C", !one, e.connecting !== null)],
    [tool("fold.unit", "U", none), tool("fold.repeat", "R", none), tool("unfold", "E", !folded.length)],
  ];
  const inside = [tool("enter", "Enter", !(one && folded.length)), tool("leave", "L", !can.leave)];
  const looking = [
    tool("zoom.out", "−"),
    tool("zoom.in", "+"),
    tool("fit", "F"),
    tool("map", "M", false, e.mapShown),
    tool("help", "?", false, e.help),
  ];
  const nested = can.leave || e.data.nodes.some(n => n.fold);
  return [...(e.data.readonly ? [] : editing), ...(nested ? [inside] : []), looking];
}
