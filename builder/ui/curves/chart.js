// A chart in the page: title, canvas, and what stands under the pointer or was chosen by keys, which lies over the canvas
// and draws nothing anew. What is on the canvas a pen draws (pen.js), which owns its surface.
const NEAR = 48; // pixels from the pointer to the value that it asks for

// What Python calls number(): four decimals, or three digits where those would say nothing.
function exact(value) {
  const size = Math.abs(value);
  return value === 0 || (size >= 1e-3 && size < 1e5) ? value.toFixed(4) : value.toPrecision(3);
}

class Chart {
  constructor(parent, wide, resized) {
    this.wide = wide;
    this.figure = element("figure", wide ? "chart wide" : "chart", parent);
    this.title = element("figcaption", "title", this.figure);
    this.box = element("div", "box", this.figure);
    this.box.style.height = `${wide ? LOW : HEIGHT}px`;
    this.canvas = element("canvas", "", this.box);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.note = element("p", "note", this.box);
    this.rule = element("div", "rule", this.box);
    this.readout = element("div", "readout", this.box);
    this.readout.setAttribute("aria-live", "polite");
    this.width = 0;
    this.listen();
    this.observer = new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.width) return;
      this.width = contentRect.width;
      this.plot = null;
      resized(this.width);
    });
    this.observer.observe(this.box);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => this.ask(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.silence());
    canvas.addEventListener("blur", () => this.silence());
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") this.silence();
      const points = way ? this.points() : [];
      if (!points.length) return;
      event.preventDefault();
      event.stopPropagation(); // Streamlit has page-wide shortcuts
      const now = this.told ? points.findIndex(({ x }) => x === this.told.x) : -1;
      this.tell(points[Math.max(0, Math.min(points.length - 1, now < 0 ? points.length - 1 : now + way))]);
    });
  }

  // Take what the pen draws, for those who ask.
  show(data, of) {
    Object.assign(this, { data, of, plot: null });
    write(this.title, data.title);
    write(this.note, data.note ?? "");
    if (this.canvas.getAttribute("aria-label") !== data.summary) this.canvas.setAttribute("aria-label", data.summary);
    if (!this.told) return;
    if (this.points().length) this.tell(this.nearest(this.told.x)); // who reads it goes on reading
    else this.silence();
  }

  // Return the points of what is shown. Worked out only where somebody asks.
  points() {
    if (!this.plot && this.data && this.width) {
      this.plot = new Plot({ ...this.of, data: this.data, width: this.width, wide: this.wide });
      this.found = this.plot.points();
    }
    return this.plot && !this.plot.empty ? this.found : [];
  }

  nearest(x) {
    return this.points().reduce((one, other) => (Math.abs(other.x - x) < Math.abs(one.x - x) ? other : one));
  }

  ask(across) {
    if (!this.points().length) return;
    const found = this.nearest(this.plot.at(across));
    if (Math.abs(this.plot.x(found.x) - across) <= NEAR) this.tell(found);
    else this.silence();
  }

  tell(point) {
    const { x: place, width, high } = this.plot;
    const at = place(point.x);
    this.told = point;
    this.rule.style.cssText = `display: block; left: ${at}px; top: ${EDGE.top}px; height: ${high - EDGE.top - EDGE.bottom}px`;
    const x = Number.isInteger(point.x) ? point.x : point.x.toFixed(2);
    this.readout.replaceChildren();
    write(element("b", "", this.readout), `${this.of.words.epoch} ${x}`);
    for (const [name, y, colour] of point.values) {
      const row = element("span", "", this.readout);
      element("i", "", row).style.background = colour;
      row.append(`${name} ${exact(y)}`);
    }
    this.readout.style.cssText =
      at > width / 2 ? `display: flex; right: ${width - at + 10}px` : `display: flex; left: ${at + 10}px`;
  }

  silence() {
    if (!this.told) return;
    this.told = null;
    this.rule.style.display = this.readout.style.display = "none";
  }

  remove() {
    this.observer.disconnect();
    this.figure.remove();
  }
}

function element(kind, name, parent) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  parent?.appendChild(made);
  return made;
}

// Texts are written as text, never as HTML, and only where they are others: what stays is not laid out anew.
function write(place, words) {
  if (place.textContent !== words) place.textContent = words;
}
