// A line chart on a 2-D canvas: axes, lines over epochs, a faint trail of the steps, and what stands under the pointer.
// It is drawn only when something in it has changed; the pointer's readout lies over it and draws nothing anew.
const HEIGHT = 250;
const LOW = 160; // of a chart with one line, over the whole width
const EDGE = { left: 50, right: 12, top: 10, bottom: 40 };
const DOTTED = 60; // epochs up to which every one has a dot
const NEAR = 48; // pixels from the pointer to the value that it asks for

function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((one) => one * power >= rough * 0.999) ?? 10);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-6); k * step <= high + step * 1e-6; k += 1) found.push(k * step);
  return { step, found };
}

// Powers of ten, with 2 and 5 between them where there are few; every n-th power where there are many.
function powers(low, high) {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const within = last - first > 2 ? [1] : [1, 2, 5];
  const leap = Math.ceil((last - first) / 6) || 1;
  const found = [];
  for (let power = first; power <= last; power += leap) {
    for (const one of within) found.push(one * 10 ** power);
  }
  return found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
}

function written(value, step) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-4) return value.toExponential(1).replace(".0e", "e").replace("+", "");
  return value.toFixed(Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))));
}

// What Python calls number(): four decimals, or three digits where those would say nothing.
function exact(value) {
  const size = Math.abs(value);
  return value === 0 || (size >= 1e-3 && size < 1e5) ? value.toFixed(4) : value.toPrecision(3);
}

class Chart {
  constructor(parent, words, wide) {
    this.words = words;
    this.high = wide ? LOW : HEIGHT;
    this.levels = wide ? 3 : 5; // lines of the grid
    this.figure = element("figure", wide ? "chart wide" : "chart", parent);
    this.title = element("figcaption", "title", this.figure);
    this.box = element("div", "box", this.figure);
    this.box.style.height = `${this.high}px`;
    this.canvas = element("canvas", "", this.box);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.note = element("p", "note", this.box);
    this.rule = element("div", "rule", this.box);
    this.readout = element("div", "readout", this.box);
    this.readout.setAttribute("aria-live", "polite");
    this.width = 0;
    this.points = [];
    this.listen();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => this.ask(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.silence());
    canvas.addEventListener("blur", () => this.silence());
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") this.silence();
      if (!way || !this.points.length) return;
      event.preventDefault();
      event.stopPropagation(); // Streamlit has page-wide shortcuts
      const now = this.points.indexOf(this.told);
      this.tell(this.points[Math.max(0, Math.min(this.points.length - 1, now < 0 ? this.points.length - 1 : now + way))]);
    });
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.width) return;
      this.width = contentRect.width;
      this.draw();
    }).observe(this.box);
  }

  // Take new data; draw where it, the colours or the scale are others than those drawn.
  show(data, colours, logarithmic) {
    const said = JSON.stringify([data, colours, logarithmic]);
    if (said === this.said) return;
    Object.assign(this, { said, data, colours, logarithmic });
    write(this.title, data.title);
    write(this.note, data.note ?? "");
    if (this.canvas.getAttribute("aria-label") !== data.summary) this.canvas.setAttribute("aria-label", data.summary);
    this.draw();
  }

  // Return the values that are drawn: of each line [x, y] in order, without gaps that cannot be drawn.
  lines() {
    const { x, lines, trail } = this.data;
    const fits = ([, y]) => y !== null && (!this.logarithmic || y > 0);
    const made = lines.map((line) => ({ ...line, points: line.values.map((y, k) => [x[k], y]).filter(fits) }));
    return { made, steps: trail[0].map((at, k) => [at, trail[1][k]]).filter(fits) };
  }

  draw() {
    const { canvas, data, width, high } = this;
    if (!data || !width) return;
    const scale = window.devicePixelRatio || 1;
    const size = [Math.round(width * scale), Math.round(high * scale)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const ink = canvas.getContext("2d");
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.clearRect(0, 0, width, high);
    const { made, steps } = this.lines();
    const every = [...made.flatMap((line) => line.points), ...steps];
    this.points = [];
    if (!every.length) return this.silence();
    this.measure(every);
    this.axes(ink);
    ink.save();
    ink.beginPath();
    ink.rect(EDGE.left - 3, EDGE.top - 3, width - EDGE.left - EDGE.right + 6, high - EDGE.top - EDGE.bottom + 6);
    ink.clip();
    if (data.best) this.mark(ink, this.x(data.best));
    this.stroke(ink, steps, made[0].colour, 1, 0.35);
    for (const line of made) this.stroke(ink, line.points, line.colour, 2, 1);
    if (data.x.length <= DOTTED) for (const line of made) dots(ink, line, this.x, this.y);
    ink.restore();
    this.gather(made, steps);
    if (this.told) this.tell(this.nearest(this.told.x)); // who reads it goes on reading
  }

  // Find the scales: from the values, made wide enough that ticks stand at both ends of the linear one.
  measure(every) {
    const { data, width } = this;
    const across = every.map(([x]) => x);
    let [left, right] = [Math.min(...across), Math.max(...across, data.far ?? 0)];
    if (right - left < 1e-9) [left, right] = [left - 0.5, right + 0.5];
    const up = every.map(([, y]) => y);
    let [low, high] = [Math.min(...up), Math.max(...up)];
    if (high - low < 1e-12 * Math.max(1, Math.abs(high))) {
      const room = Math.abs(high) * 0.1 || 1;
      [low, high] = this.logarithmic ? [low / 1.5, high * 1.5] : [low - room, high + room];
    }
    if (!this.logarithmic) {
      const { step } = ticks(low, high, this.levels);
      [low, high] = [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
    }
    const of = this.logarithmic ? Math.log : (value) => value;
    const [from, to] = [of(low), of(high)];
    this.x = (value) => EDGE.left + ((value - left) / (right - left)) * (width - EDGE.left - EDGE.right);
    this.y = (value) => this.high - EDGE.bottom - ((of(value) - from) / (to - from)) * (this.high - EDGE.top - EDGE.bottom);
    this.domain = { left, right, low, high };
  }

  axes(ink) {
    const { left, right, low, high } = this.domain;
    const { colours, width } = this;
    const bottom = this.high - EDGE.bottom;
    ink.font = colours.font;
    ink.fillStyle = colours.faint;
    ink.strokeStyle = colours.grid;
    ink.lineWidth = 1;
    ink.textAlign = "right";
    ink.textBaseline = "middle";
    const up = this.logarithmic ? { found: powers(low, high), step: 0 } : ticks(low, high, this.levels);
    ink.beginPath();
    for (const value of up.found) {
      const at = Math.round(this.y(value)) + 0.5;
      ink.moveTo(EDGE.left, at);
      ink.lineTo(width - EDGE.right, at);
      ink.fillText(written(value, up.step || value), EDGE.left - 8, at);
    }
    ink.stroke();
    ink.textAlign = "center";
    ink.textBaseline = "top";
    const most = Math.max(2, Math.floor((width - EDGE.left - EDGE.right) / 56));
    let across = ticks(left, right, most);
    if (across.step < 1) across = { step: 1, found: [] };
    if (!across.found.length) for (let k = Math.ceil(left); k <= right; k += 1) across.found.push(k);
    for (const value of across.found) ink.fillText(written(value, across.step), this.x(value), bottom + 7);
    ink.fillText(this.words.epoch, (EDGE.left + width - EDGE.right) / 2, bottom + 23);
  }

  stroke(ink, points, colour, thick, opacity) {
    if (!points.length) return;
    ink.globalAlpha = opacity;
    ink.strokeStyle = colour;
    ink.lineWidth = thick;
    ink.lineJoin = "round";
    ink.beginPath();
    for (const [x, y] of points) ink.lineTo(this.x(x), this.y(y));
    ink.stroke();
    ink.globalAlpha = 1;
  }

  mark(ink, x) {
    ink.strokeStyle = this.colours.faint;
    ink.setLineDash([3, 3]);
    ink.beginPath();
    ink.moveTo(x, EDGE.top);
    ink.lineTo(x, this.high - EDGE.bottom);
    ink.stroke();
    ink.setLineDash([]);
  }

  // Gather what the pointer can ask for: each epoch with the values of all lines, and each step of the epoch under way.
  gather(made, steps) {
    const by = new Map();
    for (const line of made) {
      for (const [x, y] of line.points) {
        if (!by.has(x)) by.set(x, []);
        by.get(x).push([line.name, y, line.colour]);
      }
    }
    const done = Math.max(0, ...by.keys());
    for (const [x, y] of steps) if (x > done) by.set(x, [[this.words.step, y, made[0].colour]]);
    this.points = [...by].map(([x, values]) => ({ x, values })).sort((a, b) => a.x - b.x);
  }

  nearest(x) {
    return this.points.reduce((one, other) => (Math.abs(other.x - x) < Math.abs(one.x - x) ? other : one));
  }

  ask(across) {
    if (!this.points.length) return;
    const { left, right } = this.domain;
    const found = this.nearest(left + ((across - EDGE.left) / (this.width - EDGE.left - EDGE.right)) * (right - left));
    if (Math.abs(this.x(found.x) - across) <= NEAR) this.tell(found);
    else this.silence();
  }

  tell(point) {
    const at = this.x(point.x);
    this.told = point;
    this.rule.style.cssText = `display: block; left: ${at}px; top: ${EDGE.top}px; height: ${this.high - EDGE.top - EDGE.bottom}px`;
    const x = Number.isInteger(point.x) ? point.x : point.x.toFixed(2);
    this.readout.replaceChildren();
    write(element("b", "", this.readout), `${this.words.epoch} ${x}`);
    for (const [name, y, colour] of point.values) {
      const row = element("span", "", this.readout);
      element("i", "", row).style.background = colour;
      row.append(`${name} ${exact(y)}`);
    }
    this.readout.style.cssText =
      at > this.width / 2 ? `display: flex; right: ${this.width - at + 10}px` : `display: flex; left: ${at + 10}px`;
  }

  silence() {
    if (!this.told) return;
    this.told = null;
    this.rule.style.display = this.readout.style.display = "none";
  }
}

function dots(ink, line, x, y) {
  ink.fillStyle = line.colour;
  ink.beginPath();
  for (const [across, up] of line.points) {
    ink.moveTo(x(across) + 3, y(up));
    ink.arc(x(across), y(up), 3, 0, 2 * Math.PI);
  }
  ink.fill();
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
