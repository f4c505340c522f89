/** What Streamlit calls: again for every new `data`, so there is one React root for each place in the page. */
import type { FrontendRenderer } from "@streamlit/component-v2-lib";
import { createRoot, type Root } from "react-dom/client";
import { Canvas } from "./Canvas";
import { stack } from "./stack";
import type { CanvasData, Edit, Send } from "./types";
import "@xyflow/react/dist/base.css";
import "./palette.css";
import "./block.css";
import "./canvas.css";

type State = { edits: Edit[]; selected: string[] };
type Mount = {
  root: Root;
  element: HTMLElement;
  generation: number;
  send: Send;
  nonce: string;
  seq: number;
  pending: Edit[];
  set: (name: keyof State, value: Edit[] | string[]) => void;
};
const mounts = new WeakMap<object, Mount>();
const SETTLE = 80; // ms: walking with a held arrow key asks for no page per block

function mountIn(parent: HTMLElement | ShadowRoot, data: CanvasData, set: Mount["set"]): Mount {
  const element = document.createElement("div");
  element.className = "root";
  parent.appendChild(element);
  let timer = 0;
  const mount: Mount = {
    root: createRoot(element),
    element,
    generation: 0,
    nonce: data.nonce,
    seq: 0,
    pending: [],
    set,
    send: {
      // A state value, not a trigger: of five triggers in one tick Python sees the last one five times.
      edit: op => {
        mount.pending.push({ ...op, seq: ++mount.seq, nonce: mount.nonce });
        mount.set("edits", [...mount.pending]);
      },
      select: ids => {
        clearTimeout(timer);
        timer = window.setTimeout(() => mount.set("selected", ids), SETTLE);
      },
    },
  };
  mounts.set(parent, mount);
  return mount;
}

const render: FrontendRenderer<State, CanvasData> = ({ data, parentElement, setStateValue }) => {
  const mount = mounts.get(parentElement) ?? mountIn(parentElement, data, setStateValue);
  const mine = ++mount.generation;
  mount.set = setStateValue;
  if (mount.nonce !== data.nonce) {
    mount.nonce = data.nonce;
    mount.pending = [];
  }
  mount.pending = mount.pending.filter(edit => edit.seq > data.ack);
  // From the clock: numbers of an earlier mount, whose last edit may still be on its way, are not used twice.
  if (!mount.pending.length) mount.seq = Math.max(mount.seq, data.ack, Date.now());
  mount.root.render(<Canvas data={data} send={mount.send} host={mount.element} />);
  // Streamlit also cleans up at once for a call that a newer one overtook: only the newest, and only when detached.
  return () =>
    setTimeout(() => {
      if (mount.generation !== mine || mount.element.isConnected) return;
      mount.root.unmount();
      mounts.delete(parentElement);
    });
};

export default render;
export { stack }; // so that node can test what ships
