// Asks for what is new of a training and draws its curves, in a worker where the browser lets it: a frame of the page costs
// the browser four times what the canvas alone does. An answer costs server and browser more than a drawing, so one a
// second is asked for, and what has come is drawn in two halves: the curves move twice a second.
const PATIENCE = 2500; // milliseconds until a page is told again that it has to be drawn anew
const LONGEST = 10000; // milliseconds between two looks at a server that does not answer

class Pen {
  // `report` gets {found, text} or {lost}; `surfaces` have one entry for each chart, in its order.
  constructor(report) {
    this.report = report;
    this.surfaces = [];
    this.failed = 0;
  }

  hear({ kind, ...message }) {
    this[kind](message);
  }

  // Take what the page was drawn with. `seen`: somebody sees the page; without, nothing is asked for.
  take({ address, rev, found, of, seen }) {
    Object.assign(this, { address, rev, of, seen, text: "" });
    this.dress(of.faces);
    clearTimeout(this.rest);
    this.newest = found;
    this.draw(found);
    this.later(found.every);
  }

  // Load the page's fonts, which a worker has not by itself, and draw anew when they are there.
  async dress(faces) {
    if (typeof document !== "undefined" || this.dressed) return;
    this.dressed = true;
    const wanted = faces.map(({ family, source, weight }) => new FontFace(family, source, { weight }));
    for (const face of wanted) self.fonts.add(face);
    await Promise.allSettled(wanted.map((face) => face.load()));
    for (const surface of this.surfaces) surface.drawn = null;
    this.draw(this.found);
  }

  // Get a surface to draw on, or another size or scale of one.
  surface({ place, canvas, ...size }) {
    const surface = (this.surfaces[place] ??= {});
    if (canvas) Object.assign(surface, { canvas, ink: canvas.getContext("2d") });
    Object.assign(surface, size, { drawn: null });
    this.one(place);
  }

  drop({ count }) {
    this.surfaces.length = Math.min(this.surfaces.length, count);
  }

  scaled({ logarithmic }) {
    this.of = { ...this.of, logarithmic };
    this.draw(this.found);
  }

  shown({ seen }) {
    this.seen = seen;
    if (seen) this.look();
  }

  leave() {
    clearTimeout(this.timer);
    clearTimeout(this.rest);
    this.address = null;
  }

  later(pause) {
    clearTimeout(this.timer);
    if (this.address && pause) this.timer = setTimeout(() => this.look(), pause);
  }

  async look() {
    clearTimeout(this.timer);
    if (!this.address || !this.seen) return; // its being seen again looks
    const { address } = this;
    let pause;
    try {
      const answer = await fetch(address, { cache: "no-store" });
      if (address !== this.address) return; // drawn anew meanwhile
      if (answer.status === 404) this.report({ lost: true }); // the server has started again, or waited for too long
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      if (address !== this.address) return;
      if (text !== this.text) {
        const found = JSON.parse(text);
        if (!found.charts) throw new Error("nothing"); // it could not be made; the server's log says why
        this.text = text;
        this.drawHalves(found);
        this.report({ found });
      } else if (this.newest.rev !== this.rev) this.report({ found: this.newest }); // until the page was drawn with it
      this.failed = 0;
      pause = this.newest.every;
      if (this.newest.rev !== this.rev) pause ||= PATIENCE; // nothing moves any more, but that is still to be drawn
    } catch {
      this.failed += 1;
      pause = Math.min(LONGEST, 500 * 2 ** this.failed);
    }
    this.later(pause);
  }

  // Draw what was found: of what is new in a training that goes on one half now, the other before the next answer.
  drawHalves(found) {
    clearTimeout(this.rest);
    const before = this.newest;
    this.newest = found;
    this.draw(found.every ? between(before, found) : found);
    if (found.every) this.rest = setTimeout(() => this.draw(found), found.every / 2);
  }

  draw(found) {
    this.found = found;
    found.charts.forEach((_, place) => this.one(place));
  }

  // Draw one chart, where it, the colours, the size or the scale are others than those drawn.
  one(place) {
    const surface = this.surfaces[place];
    const data = this.found?.charts[place];
    if (!surface?.width || !data) return;
    const logarithmic = this.of.logarithmic && place === 0 && positive(data);
    const said = JSON.stringify([data, this.of.colours, logarithmic]);
    if (said === surface.drawn) return;
    surface.drawn = said;
    const { canvas, ink, width, wide, scale } = surface;
    const plot = new Plot({ ...this.of, data, width, wide, logarithmic });
    const size = [Math.round(width * scale), Math.round(plot.high * scale)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    plot.draw(ink, scale);
  }
}

// Return what was found, its curves only to the middle of what is new in them.
function between(before, found) {
  const charts = found.charts.map((chart, place) => {
    if (!before.charts[place]) return chart;
    const [from, to] = [end(before.charts[place]), end(chart)];
    return from < to ? cut(chart, (from + to) / 2) : chart;
  });
  return { ...found, charts };
}

// Return the epoch to which a chart's curves come.
function end({ x, trail }) {
  return Math.max(x.at(-1) ?? 0, trail[0].at(-1) ?? 0);
}

// Return a chart with its curves up to an epoch.
function cut(chart, epoch) {
  const [epochs, steps] = [chart.x, chart.trail[0]].map((places) => places.filter((at) => at <= epoch).length);
  const lines = chart.lines.map((line) => ({ ...line, values: line.values.slice(0, epochs) }));
  return { ...chart, x: chart.x.slice(0, epochs), lines, trail: chart.trail.map((row) => row.slice(0, steps)) };
}
