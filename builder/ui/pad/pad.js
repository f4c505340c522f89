// The pad: strokes by mouse, finger or pen; the drawing goes to Python as side × side grey bytes, at most 6 times a second.
const SIZE = 448;
const PEN = 36;
const PAUSE = 160;

const mounts = new WeakMap();

function mount(parent, send) {
  const root = document.createElement("div");
  root.className = "pad";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  const row = document.createElement("div");
  row.className = "row";
  const hint = document.createElement("span");
  hint.className = "hint";
  const clear = document.createElement("button");
  clear.type = "button";
  row.append(hint, clear);
  root.append(canvas, row);
  parent.appendChild(root);

  const ink = canvas.getContext("2d", { willReadFrequently: true });
  ink.lineCap = ink.lineJoin = "round";
  ink.lineWidth = PEN;
  ink.strokeStyle = ink.fillStyle = "#fff";
  const state = { canvas, hint, clear, side: 112, send, timer: 0 };
  let last = null;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIZE) / box.width, ((event.clientY - box.top) * SIZE) / box.height];
  };
  const now = () => {
    clearTimeout(state.timer);
    state.timer = 0;
    state.send(grey(canvas, state.side));
  };
  const later = () => {
    if (!state.timer) state.timer = setTimeout(now, PAUSE);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    ink.beginPath();
    ink.arc(last[0], last[1], PEN / 2, 0, 2 * Math.PI);
    ink.fill();
    later();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const step of event.getCoalescedEvents?.() ?? [event]) {
      const next = place(step);
      ink.beginPath();
      ink.moveTo(last[0], last[1]);
      ink.lineTo(next[0], next[1]);
      ink.stroke();
      last = next;
    }
    later();
  });
  // Nothing is sent after the pen is up. Whoever lifts it may be leaving the page; what is sent after that is answered
  // for the page that was left, and Streamlit then empties the page that is shown.
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, () => {
      last = null;
      if (state.timer) now();
    });
  }
  const empty = () => { ink.clearRect(0, 0, SIZE, SIZE); state.send(""); };
  clear.addEventListener("click", empty);
  canvas.addEventListener("keydown", (event) => {
    event.stopPropagation(); // Streamlit has page-wide shortcuts
    if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") empty();
  });
  return state;
}

function grey(canvas, side) {
  const small = document.createElement("canvas");
  small.width = small.height = side;
  const ink = small.getContext("2d", { willReadFrequently: true });
  ink.imageSmoothingQuality = "high";
  ink.drawImage(canvas, 0, 0, side, side);
  const { data } = ink.getImageData(0, 0, side, side);
  let text = "";
  for (let k = 3; k < data.length; k += 4) text += String.fromCharCode(data[k]); // white ink: its cover is its grey
  return btoa(text);
}

export default function ({ data, parentElement, setStateValue }) {
  const send = (drawing) => setStateValue("drawing", drawing);
  let state = mounts.get(parentElement);
  if (!state) {
    state = mount(parentElement, send);
    mounts.set(parentElement, state);
  }
  state.send = send;
  state.side = data.side;
  state.canvas.setAttribute("aria-label", data.labels.pad);
  state.hint.textContent = data.labels.hint;
  state.clear.textContent = data.labels.clear;
}
