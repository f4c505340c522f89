// One training as it runs: where it is, its numbers and its curves. While it moves, the component asks the server for
// them by itself, twice a second: nothing else of the page is drawn anew, and nothing at all while nobody sees it.
const MARKS = {
  done: '<svg viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/><path d="M4.8 8.2l2.2 2.2 4.2-4.6"/></svg>',
  now: '<svg viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/><circle class="dot" cx="8" cy="8" r="3.2"/></svg>',
  next: '<svg viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/></svg>',
};
const PATIENCE = 2500; // milliseconds until the page is asked again to draw what has changed
const LONGEST = 10000; // milliseconds between two looks at a server that does not answer
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
    this.failed = this.asked = this.timer = 0;
    this.logarithmic = remembered();
    this.log.addEventListener("click", () => {
      this.logarithmic = !this.logarithmic;
      remember(this.logarithmic);
      this.show(this.shown);
    });
    this.seen = () => {
      if (!document.hidden) this.look();
    };
    document.addEventListener("visibilitychange", this.seen);
  }

  // Take what the page was drawn with.
  take({ address, rev, first, words }, ask) {
    Object.assign(this, { address, rev, words, ask });
    this.colours = colours(this.root);
    this.text = "";
    if (rev === this.wanted) this.asked = 0;
    this.show(first);
    this.later(first.every);
  }

  later(pause) {
    clearTimeout(this.timer);
    if (this.address && pause) this.timer = setTimeout(() => this.look(), pause);
  }

  async look() {
    clearTimeout(this.timer);
    if (!this.root.isConnected || !this.address) return this.leave();
    if (document.hidden) return; // its coming back looks
    const address = this.address;
    let pause = this.shown.every;
    try {
      // The page's own folder: where Streamlit's media are, behind a proxy too.
      const folder = location.pathname.replace(/[^/]+\/?$/, "");
      const answer = await fetch(folder + address, { cache: "no-store" });
      if (address !== this.address) return; // drawn anew meanwhile
      if (answer.status === 404) this.change("lost"); // the server has started again, or waited for too long
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      if (text !== this.text) {
        const found = JSON.parse(text);
        if (!found.charts) throw new Error("nothing"); // it could not be made; the server's log says why
        this.show(found);
      }
      this.text = text;
      this.failed = 0;
      pause = this.shown.every;
      if (this.shown.rev !== this.rev) {
        this.change(this.shown.rev);
        pause ||= PATIENCE; // nothing moves any more, but that is still to be drawn
      }
    } catch {
      this.failed += 1;
      pause = Math.min(LONGEST, 500 * 2 ** this.failed);
    }
    this.later(pause);
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
    const loss = found.charts[0];
    const positive = Boolean(loss) && [...loss.lines.flatMap((line) => line.values), ...loss.trail[1]].every((y) => y === null || y > 0);
    this.log.disabled = !positive;
    write(this.log, this.words.log);
    this.log.setAttribute("aria-pressed", String(this.logarithmic && positive));
    while (this.drawn.length > found.charts.length) this.drawn.pop().figure.remove();
    for (const { lines } of found.charts.slice(this.drawn.length)) {
      this.drawn.push(new Chart(this.charts, this.words, lines.length === 1));
    }
    found.charts.forEach((data, k) => this.drawn[k].show(data, this.colours, this.logarithmic && positive && k === 0));
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
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
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
    live.address = null;
    live.leave();
    live.root.remove();
  };
}
