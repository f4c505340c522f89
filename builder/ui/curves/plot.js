// What a chart shows: its scales, its ink, and what stands where. It knows nothing of a page, so that a worker can draw.
const HEIGHT = 250;
const LOW = 160; // of a chart with one line, over the whole width
const EDGE = { left: 50, right: 12, top: 10, bottom: 40 };
const DOTTED = 60; // epochs up to which every one has a dot

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

// Whether every loss can be drawn on a logarithmic scale.
function positive(loss) {
  return Boolean(loss) && [...loss.lines.flatMap((line) => line.values), ...loss.trail[1]].every((y) => y === null || y > 0);
}

class Plot {
  // `data` is a chart of pages/running.py; `wide` one with a single line.
  constructor({ data, width, wide, colours, words, logarithmic }) {
    Object.assign(this, { data, width, colours, words, logarithmic });
    this.high = wide ? LOW : HEIGHT;
    this.levels = wide ? 3 : 5; // lines of the grid
    const { x, lines, trail } = data;
    const fits = ([, y]) => y !== null && (!logarithmic || y > 0);
    this.made = lines.map((line) => ({ ...line, points: line.values.map((y, k) => [x[k], y]).filter(fits) }));
    this.steps = trail[0].map((at, k) => [at, trail[1][k]]).filter(fits);
    const every = [...this.made.flatMap((line) => line.points), ...this.steps];
    this.empty = !every.length;
    if (!this.empty) this.measure(every);
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

  draw(ink, scale) {
    const { width, high, made, steps } = this;
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.clearRect(0, 0, width, high);
    if (this.empty) return;
    this.axes(ink);
    ink.save();
    ink.beginPath();
    ink.rect(EDGE.left - 3, EDGE.top - 3, width - EDGE.left - EDGE.right + 6, high - EDGE.top - EDGE.bottom + 6);
    ink.clip();
    if (this.data.best) this.mark(ink, this.x(this.data.best));
    this.stroke(ink, steps, made[0].colour, 1, 0.35);
    for (const line of made) this.stroke(ink, line.points, line.colour, 2, 1);
    if (this.data.x.length <= DOTTED) for (const line of made) dots(ink, line, this.x, this.y);
    ink.restore();
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

  // Return what can be asked for: each epoch with the values of all lines, and each step of the epoch under way.
  points() {
    const by = new Map();
    for (const line of this.made) {
      for (const [x, y] of line.points) {
        if (!by.has(x)) by.set(x, []);
        by.get(x).push([line.name, y, line.colour]);
      }
    }
    const done = Math.max(0, ...by.keys());
    for (const [x, y] of this.steps) if (x > done) by.set(x, [[this.words.step, y, this.made[0].colour]]);
    return [...by].map(([x, values]) => ({ x, values })).sort((a, b) => a.x - b.x);
  }

  // Return the value of the x axis at so many pixels from the left.
  at(across) {
    const { left, right } = this.domain;
    return left + ((across - EDGE.left) / (this.width - EDGE.left - EDGE.right)) * (right - left);
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
