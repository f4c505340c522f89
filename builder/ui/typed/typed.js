// Fields that are checked at every key. What can be a value is sent after a pause, on Enter and when the field is left.
const PAUSE = 350;
const mounts = new WeakMap();

/** The number that a text says, NaN for none: 16, 1e-3, and 0,5 as Germans write it. */
function numberOf(text) {
  const plain = text.trim().replace(",", ".").replace("−", "-");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}

/** What is wrong with a text, "" for nothing. */
function wrongWith(box, text, labels) {
  const plain = text.trim();
  if (box.kind === "text") {
    if (box.taken.includes(plain)) return labels.taken.replace("{text}", plain);
    return plain && box.pattern && !new RegExp(`^(?:${box.pattern})$`, "u").test(plain) ? box.wrong : "";
  }
  if (!plain) return labels.needed;
  const value = numberOf(plain);
  if (Number.isNaN(value)) return labels.number;
  if (box.kind === "integer" && !Number.isSafeInteger(value)) return labels.whole;
  const low = box.low !== null && (box.open[0] ? value <= box.low : value < box.low);
  const high = box.high !== null && (box.open[1] ? value >= box.high : value > box.high);
  return low || high || !Number.isFinite(value) ? labels.range.replace("{range}", box.range) : "";
}

const same = (box, a, b) => a.trim() === b.trim() || (box.kind !== "text" && numberOf(a) === numberOf(b));

function element(tag, name, parent, more = {}) {
  const made = Object.assign(document.createElement(tag), more);
  if (name) made.className = name;
  parent?.append(made);
  return made;
}

function mount(parent) {
  const root = element("div", "typed", parent);
  const state = { root, row: element("div", "row", root), inputs: [], seq: 0, timer: 0, dirty: false, typing: "" };
  state.note = element("div", "note", root, { id: "note" });
  state.note.setAttribute("aria-live", "polite");
  state.words = element("div", "unseen", root, { id: "words" });
  state.tip = element("div", "tip", root);
  state.tip.setAttribute("popover", "manual");
  state.tip.setAttribute("aria-hidden", "true");
  // Not a click on the button that takes the focus away first and so sends what is typed.
  root.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button")) event.preventDefault();
  });
  return state;
}

/** Draw as many inputs as there are boxes; those that are there stay, with their focus and their text. */
function build(state) {
  const { data } = state;
  if (state.inputs.length === data.boxes.length && state.hasReset === (data.reset !== null)) return;
  while (state.inputs.length > data.boxes.length) state.inputs.pop().part.remove();
  while (state.inputs.length < data.boxes.length) {
    const k = state.inputs.length;
    const part = element("div", "part");
    state.row.insertBefore(part, state.reset ?? null);
    const head = element("div", "head", part);
    const label = element("label", "", head, { htmlFor: `box${k}` });
    const frame = element("div", "frame", part);
    const input = element("input", "", frame, { id: `box${k}`, type: "text", autocomplete: "off", spellcheck: false });
    input.setAttribute("aria-describedby", "note words");
    const one = { part, head, label, frame, input, buttons: [] };
    state.inputs.push(one);
    input.addEventListener("input", () => changed(state));
    input.addEventListener("blur", () => {
      hideTip(state);
      flush(state);
      if (!state.dirty) show(state, true);
      state.typing = "";
    });
    input.addEventListener("keydown", (event) => keyed(state, k, event));
  }
  state.inputs.forEach((one, k) => dress(state, one, data.boxes[k], k));
  state.reset?.remove();
  state.hasReset = data.reset !== null;
  state.reset = state.hasReset ? element("button", "reset", state.row, { type: "button", textContent: "↺" }) : null;
  state.reset?.addEventListener("click", () => {
    clearTimeout(state.timer);
    state.dirty = false;
    send(state, { op: "typed", texts: [], typing: "" });
  });
}

function dress(state, one, box, k) {
  if (box.kind !== "text" && !one.buttons.length) {
    one.input.inputMode = box.kind === "integer" ? "numeric" : "decimal";
    one.input.setAttribute("role", "spinbutton");
    for (const [sign, by] of [["−", -1], ["+", 1]]) {
      const button = element("button", "step", one.frame, { type: "button", textContent: sign, tabIndex: -1 });
      button.addEventListener("click", () => {
        one.input.focus();
        stepped(state, k, by);
      });
      one.buttons.push(button);
    }
  }
  if (k === 0 && state.data.help && !one.help) {
    one.help = element("button", "help", one.head, { type: "button", textContent: "?", tabIndex: -1 });
    one.help.addEventListener("pointerenter", () => showTip(state));
    one.help.addEventListener("pointerleave", () => hideTip(state));
    one.help.addEventListener("click", () => showTip(state));
  }
}

function stepped(state, k, by) {
  const box = state.data.boxes[k];
  const { input } = state.inputs[k];
  const now = numberOf(input.value);
  const next = (Number.isNaN(now) ? (box.low ?? 0) : now) + by * box.step;
  const text = String(Number(next.toPrecision(12)));
  if (wrongWith(box, text, state.data.labels)) return;
  input.value = text;
  changed(state);
}

function keyed(state, k, event) {
  event.stopPropagation(); // Streamlit has page-wide shortcuts
  const box = state.data.boxes[k];
  const numeric = box.kind !== "text";
  const undo = (event.ctrlKey || event.metaKey) && !event.altKey && /^[zy]$/i.test(event.key);
  if (event.key === "Enter" && !event.isComposing) {
    flush(state);
    state.typing = "";
  } else if (event.key === "Escape") {
    drop(state);
    hideTip(state);
  } else if (undo) {
    // The browser's own undo goes through all fields of the page: it would change one that is not looked at.
    const redo = event.key.toLowerCase() === "y" || event.shiftKey;
    if (state.dirty) drop(state);
    else send(state, { op: redo ? "redo" : "undo" });
    state.typing = "";
    event.preventDefault();
  } else if (numeric && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    stepped(state, k, (event.key === "ArrowUp" ? 1 : -1) * (event.shiftKey ? 10 : 1));
    event.preventDefault();
  } else if (numeric && event.key === "?") {
    showTip(state);
    event.preventDefault();
  }
}

/** Back to what the document says, before it was sent. */
function drop(state) {
  clearTimeout(state.timer);
  state.dirty = false;
  show(state, true);
}

const faults = (state) => state.inputs.map((one, k) => wrongWith(state.data.boxes[k], one.input.value, state.data.labels));

function changed(state) {
  state.dirty = true;
  state.typing ||= String(Date.now());
  clearTimeout(state.timer);
  hideTip(state);
  notes(state);
  if (state.data.soon && faults(state).every((one) => !one)) state.timer = setTimeout(() => flush(state), PAUSE);
}

/** Send what was typed, if it can be a value. */
function flush(state) {
  clearTimeout(state.timer);
  if (!state.dirty || faults(state).some(Boolean)) return;
  state.dirty = false;
  const texts = state.inputs.map((one) => one.input.value);
  if (state.data.boxes.every((box, k) => same(box, box.text, texts[k])) && state.data.ack >= state.seq) return;
  const plain = texts.map((text, k) => (state.data.boxes[k].kind === "text" ? text : String(numberOf(text))));
  send(state, { op: "typed", texts: plain, typing: state.typing });
}

function send(state, said) {
  // From the clock: numbers of an earlier mount are not used twice.
  state.seq = Math.max(state.seq + 1, state.data.ack + 1, Date.now());
  state.set("said", { ...said, seq: state.seq, nonce: state.data.nonce });
}

/** Put the document's values into the inputs, but where somebody is typing. */
function show(state, all = false) {
  if (state.dirty || state.data.ack < state.seq) return notes(state);
  const focus = state.root.getRootNode().activeElement;
  state.inputs.forEach((one, k) => {
    const box = state.data.boxes[k];
    if (one.input.value === box.text || (!all && one.input === focus && same(box, one.input.value, box.text))) return;
    one.input.value = box.text;
  });
  notes(state);
}

/** Say what is wrong: at once what the field itself knows, else what the check says. */
function notes(state) {
  const { data } = state;
  const mine = faults(state);
  const own = mine.find(Boolean);
  const settled = !state.dirty && data.ack >= state.seq;
  const [severity, words] = own ? ["error", own] : settled && data.problem ? data.problem : ["", ""];
  state.root.dataset.problem = severity;
  const text = words ? `${severity === "error" ? "✕" : "!"} ${words}` : "";
  if (state.note.textContent !== text) state.note.textContent = text;
  state.inputs.forEach(({ input }, k) => {
    const bad = own ? Boolean(mine[k]) : severity === "error";
    input.setAttribute("aria-invalid", String(bad));
    if (data.boxes[k].kind !== "text") input.setAttribute("aria-valuenow", String(numberOf(input.value)));
  });
}

function showTip(state) {
  const { tip, data, inputs } = state;
  if (!data.help || !tip.showPopover) return;
  if (!tip.matches(":popover-open")) tip.showPopover();
  const at = inputs[0].head.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  const above = at.top - size.height - 6;
  tip.style.left = `${Math.max(8, Math.min(innerWidth - size.width - 8, at.left))}px`;
  tip.style.top = `${above > 8 ? above : at.bottom + 6}px`;
}

function hideTip({ tip }) {
  if (tip.hidePopover && tip.matches(":popover-open")) tip.hidePopover();
}

export default function ({ data, parentElement, setStateValue }) {
  let state = mounts.get(parentElement);
  if (!state) {
    state = mount(parentElement);
    mounts.set(parentElement, state);
  }
  state.set = setStateValue;
  state.data = data;
  build(state);
  state.words.textContent = state.tip.textContent = data.help;
  state.inputs.forEach((one, k) => {
    const box = data.boxes[k];
    one.label.textContent = box.label;
    one.input.placeholder = box.placeholder;
    one.input.disabled = data.disabled;
    one.input.maxLength = data.most;
    if (box.low !== null) one.input.setAttribute("aria-valuemin", box.low);
    if (box.high !== null) one.input.setAttribute("aria-valuemax", box.high);
    one.help?.setAttribute("aria-label", data.labels.help);
    one.buttons.forEach((button, i) => {
      button.disabled = data.disabled;
      button.setAttribute("aria-label", `${data.labels[i ? "more" : "less"]}: ${box.label}`);
    });
  });
  if (state.reset) {
    state.reset.title = data.reset;
    state.reset.setAttribute("aria-label", data.reset);
  }
  show(state);
}
