// Asks for what is new of a training and draws its curves, in a worker where the browser lets it: a frame of the page costs
// the browser four times what the canvas alone does, so the page itself only gets the words, once a second.
const WORDS = 900; // milliseconds, at least, between two reports of what only has other numbers
const PATIENCE = 2500; // milliseconds until a page is told again that it has to be drawn anew
const LONGEST = 10000; // milliseconds between two looks at a server that does not answer

class Pen {
  // `report` gets {found, text} or {lost}; `surfaces` have one entry for each chart, in its order.
  constructor(report) {
    this.report = report;
    this.surfaces = [];
    this.failed = 0;
    this.reported = -WORDS;
  }

  hear({ kind, ...message }) {
    this[kind](message);
  }

  // Take what the page was drawn with. `seen`: somebody sees the page; without, nothing is asked for.
  take({ address, rev, found, of, seen }) {
    Object.assign(this, { address, rev, of, seen, text: "" });
    this.dress(of.faces);
    this.draw(found);
    this.tellingOf(found);
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
        this.draw(found);
      }
      this.failed = 0;
      this.tell(this.found);
      pause = this.found.every;
      if (this.found.rev !== this.rev) pause ||= PATIENCE; // nothing moves any more, but that is still to be drawn
    } catch {
      this.failed += 1;
      pause = Math.min(LONGEST, 500 * 2 ** this.failed);
    }
    this.later(pause);
  }

  // Report what was found: at once where more than numbers has changed, and again until the page was drawn with it.
  tell(found) {
    const pressing = found.rev !== this.rev || found.every !== this.told.every || shape(found) !== this.told.shape;
    if (!pressing && (found === this.told.found || performance.now() - this.reported < WORDS)) return;
    this.tellingOf(found);
    this.report({ found });
  }

  tellingOf(found) {
    this.told = { found, every: found.every, shape: shape(found) };
    this.reported = performance.now();
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

// What of a training is more than its numbers.
function shape({ phases, charts, numbers }) {
  return JSON.stringify([phases, charts.map(({ title, note }) => [title, note]), numbers.length]);
}
