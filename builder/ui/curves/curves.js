// One training as it runs: where it is, its numbers and its curves. While it moves, a pen (pen.js) asks the server for
// them by itself, once a second: nothing else of the page is drawn anew, and nothing at all while nobody sees it.
const MARKS = {
  done: '<svg viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/><path d="M4.8 8.2l2.2 2.2 4.2-4.6"/></svg>',
  now: '<svg viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/><circle class="dot" cx="8" cy="8" r="3.2"/></svg>',
  next: '<svg viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/></svg>',
};
const KEPT = "tsumiki.curves.logarithmic";

const mounts = new WeakMap();

class Live {
  constructor(parent, words) {
    this.words = words;
    this.root = element("section", "live", parent);
    this.phases = element("div", "phases", this.root);
    this.way = element("div", "way", this.root);
    this.said = element("div", "said", this.way);
    this.bar = element("div", "bar", this.way);
    this.bar.setAttribute("role", "progressbar");
    this.fill = element("div", "fill", this.bar);
    this.numbers = element("dl", "numbers", this.root);
    this.head = element("div", "head", this.root);
    this.legend = element("div", "legend", this.head);
    this.log = element("button", "log", this.head);
    this.log.type = "button";
    this.charts = element("div", "charts", this.root);
    this.drawn = [];
    this.asked = 0;
    this.logarithmic = remembered();
    this.log.addEventListener("click", () => {
      this.logarithmic = !this.logarithmic;
      remember(this.logarithmic);
      this.show(this.shown);
      this.pen({ kind: "scaled", logarithmic: this.logarithmic });
    });
    this.seen = () => this.pen({ kind: "shown", seen: !document.hidden });
    document.addEventListener("visibilitychange", this.seen);
    this.pen = pen((told) => this.hear(told));
  }

  // Take what the page was drawn with.
  take({ address, rev, first, words }, ask) {
    Object.assign(this, { rev, words, ask, colours: colours(this.root) });
    this.faces ??= faces(getComputedStyle(this.root).fontFamily);
    if (rev === this.wanted) this.asked = 0;
    this.show(first);
    // The page's own folder: where Streamlit's media are, behind a proxy too.
    const folder = location.pathname.replace(/[^/]+\/?$/, "");
    this.pen({
      kind: "take", rev, found: first, of: this.of(), seen: !document.hidden,
      address: address && new URL(folder + address, location.origin).href,
    });
  }

  // What a chart is drawn with, beside its data.
  of() {
    return { colours: this.colours, faces: this.faces, words: this.words, logarithmic: this.logarithmic };
  }

  // Hear what the pen has found.
  hear({ found, lost }) {
    if (!this.root.isConnected) return this.leave();
    if (lost) return this.change("lost");
    this.show(found);
    if (found.rev !== this.rev) this.change(found.rev);
  }

  // Ask the server to draw the page's part anew: its buttons and advice have changed. Again, if nothing comes.
  change(rev) {
    const now = performance.now();
    if (this.asked && now - this.asked < PATIENCE) return;
    this.asked = now;
    this.wanted = rev;
    this.ask(rev);
  }

  show(found) {
    this.shown = found;
    this.showPhases(found.phases);
    this.way.hidden = !found.phases.length;
    write(this.said, found.said);
    this.bar.setAttribute("aria-valuenow", Math.round(100 * found.done));
    this.bar.setAttribute("aria-label", found.said);
    const scale = `scaleX(${found.done.toFixed(4)})`;
    if (this.fill.style.transform !== scale) this.fill.style.transform = scale;
    this.showNumbers(found.numbers);
    this.head.hidden = !found.charts.length;
    this.showLegend();
    const able = positive(found.charts[0]);
    this.log.disabled = !able;
    write(this.log, this.words.log);
    this.log.setAttribute("aria-pressed", String(this.logarithmic && able));
    while (this.drawn.length > found.charts.length) {
      this.drawn.pop().remove();
      this.pen({ kind: "drop", count: this.drawn.length });
    }
    for (const { lines } of found.charts.slice(this.drawn.length)) this.add(lines.length === 1);
    found.charts.forEach((data, k) => {
      this.drawn[k].show(data, { ...this.of(), logarithmic: this.logarithmic && able && k === 0 });
    });
  }

  // Add a chart, whose surface the pen gets.
  add(wide) {
    const place = this.drawn.length;
    const size = (width) => ({ kind: "surface", place, wide, width, scale: window.devicePixelRatio || 1 });
    const chart = new Chart(this.charts, wide, (width) => this.pen(size(width)));
    this.drawn.push(chart);
    const canvas = this.pen.surface(chart.canvas);
    this.pen({ ...size(0), canvas }, [canvas]);
  }

  showPhases(phases) {
    const said = JSON.stringify(phases);
    if (said === this.phased) return;
    this.phased = said;
    this.phases.replaceChildren();
    for (const [word, state] of phases) {
      const phase = element("span", `phase ${state}`, this.phases);
      phase.innerHTML = MARKS[state]; // a constant
      if (state === "now") phase.setAttribute("aria-current", "step");
      phase.append(word);
    }
  }

  showNumbers(cells) {
    while (this.numbers.children.length > cells.length) this.numbers.lastChild.remove();
    cells.forEach(([name, value], k) => {
      let cell = this.numbers.children[k];
      if (!cell) {
        cell = element("div", "", this.numbers);
        element("dt", "", cell);
        element("dd", "", cell);
      }
      write(cell.firstChild, name);
      write(cell.lastChild, value);
    });
  }

  showLegend() {
    const names = [this.words.train, this.words.validation];
    if (this.legend.textContent === names.join("")) return;
    this.legend.replaceChildren();
    names.forEach((name, k) => {
      const one = element("span", "", this.legend);
      element("i", k ? "validation" : "train", one);
      one.append(name);
    });
  }

  leave() {
    document.removeEventListener("visibilitychange", this.seen);
    for (const chart of this.drawn) chart.observer.disconnect();
    this.pen.leave();
  }
}

// Return what sends messages to a pen, in a worker of its own; in the page where the browser allows none.
function pen(report) {
  try {
    if (!HTMLCanvasElement.prototype.transferControlToOffscreen) throw new Error("no surface for a worker");
    const file = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    const worker = new Worker(file);
    URL.revokeObjectURL(file);
    worker.addEventListener("message", ({ data }) => report(data));
    const send = (message, transferred = []) => worker.postMessage(message, transferred);
    return Object.assign(send, { surface: (canvas) => canvas.transferControlToOffscreen(), leave: () => worker.terminate() });
  } catch {
    const here = new Pen(report);
    const send = (message) => here.hear(message);
    return Object.assign(send, { surface: (canvas) => canvas, leave: () => here.leave() });
  }
}

// Streamlit's theme, for the canvas, which knows no variables of CSS.
function colours(root) {
  const style = getComputedStyle(root);
  return {
    font: `12px ${style.fontFamily || "sans-serif"}`,
    faint: style.getPropertyValue("--faint").trim() || style.color,
    grid: style.getPropertyValue("--grid").trim() || "#8884",
  };
}

// Return where the page has the upright fonts of the first of these families from, for a worker, which has none of them.
function faces(families) {
  const first = families.split(",")[0].replace(/["']/g, "").trim();
  const found = [];
  for (const sheet of document.styleSheets) {
    let rules = [];
    try {
      rules = [...sheet.cssRules];
    } catch {
      continue; // of another server
    }
    for (const rule of rules) {
      if (!(rule instanceof CSSFontFaceRule)) continue;
      const said = (name) => rule.style.getPropertyValue(name).replace(/^["']|["']$/g, "");
      const file = said("src").match(/url\(["']?([^"')]+)/)?.[1];
      if (said("font-family") !== first || said("font-style") === "italic" || !file) continue;
      const source = `url(${JSON.stringify(new URL(file, sheet.href ?? document.baseURI).href)})`;
      found.push({ family: first, source, weight: said("font-weight") || "normal" });
    }
  }
  return found;
}

function remembered() {
  try {
    return sessionStorage.getItem(KEPT) === "true";
  } catch {
    return false; // a browser that keeps nothing
  }
}

function remember(logarithmic) {
  try {
    sessionStorage.setItem(KEPT, String(logarithmic));
  } catch {
    // it is forgotten with the page
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let live = mounts.get(parentElement);
  if (!live) {
    live = new Live(parentElement, data.words);
    mounts.set(parentElement, live);
  }
  live.take(data, (rev) => setTriggerValue("changed", rev));
  return () => {
    mounts.delete(parentElement);
    live.leave();
    live.root.remove();
  };
}
