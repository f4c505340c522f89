/**
 * Where the blocks stand and how the lines run: a stack, read from top to bottom.
 *
 * The trunk (first inputs, walked back from the last block) is one straight column. Every branch is a column to its
 * right, in rows of its own, so that its lines are straight. All other lines run in the gaps between rows and columns,
 * which hold no blocks: so no line crosses a block, whatever the network, and no general graph layout is needed.
 * A gap is as wide as the lines in it need. Depends on ids and edges only: a new shape never moves a block.
 */
import { H, type Path, type Point, W } from "./geometry";
import type { Edge } from "./types";

const ROW_GAP = 34,
  COLUMN_GAP = 44,
  TRACK = 9,
  LANE = 14,
  MARGIN = 14,
  PORT = W / 4;

export type Wire = { id: string; source: string; target: string; path: Path; skip: boolean };
export type Layout = { at: Map<string, Point>; wires: Wire[]; width: number; height: number; last: string | null };

type Cell = { row: number; column: number };

type Kind = "straight" | "across-then-down" | "down-then-across" | "lane";

type Route = Wire & { from: Cell; to: Cell; kind: Kind; lane: number };

export function stack(ids: string[], edges: Edge[]): Layout {
  const known = new Set(ids);
  const drawn = edges.filter(([a, b]) => known.has(a) && known.has(b) && a !== b);
  const inputs = new Map<string, string[]>(ids.map(id => [id, []])),
    outputs = new Map<string, string[]>(ids.map(id => [id, []]));
  for (const [a, b] of drawn) {
    inputs.get(b)!.push(a);
    outputs.get(a)!.push(b);
  }

  const row = rows(ids, inputs);
  const trunk = longestTrunk(ids, inputs, row);
  const column = columns(ids, inputs, outputs, row, trunk);
  const cell = (id: string): Cell => ({ row: row.get(id)!, column: column.get(id)! });
  const routes = route(drawn, cell, ids);
  return place(ids, cell, routes, trunk[0] ?? null);
}

/** Row of each block: one below the lowest of its inputs. Lines back up (a cycle, a user's error) count for nothing. */
function rows(ids: string[], inputs: Map<string, string[]>): Map<string, number> {
  const row = new Map<string, number>(),
    open = new Set<string>();
  const before = new Map(ids.map((id, i) => [id, ids[i - 1]]));
  for (const first of ids) {
    const todo = [first];
    while (todo.length) {
      // depth first without recursion: 10,000 blocks in a row are no problem
      const id = todo[todo.length - 1];
      if (row.has(id)) {
        todo.pop();
        continue;
      }
      const missing = inputs.get(id)!.filter(i => !row.has(i) && !open.has(i));
      if (missing.length && !open.has(id)) {
        open.add(id);
        todo.push(...missing);
        continue;
      }
      todo.pop();
      open.delete(id);
      const above = inputs.get(id)!.map(i => row.get(i) ?? -1);
      row.set(id, above.length ? 1 + Math.max(...above) : (row.get(before.get(id) ?? "") ?? -1) + 1);
    }
  }
  return row;
}

/** The longest walk along first inputs that starts at an end of the network, from its end to its start. */
function longestTrunk(ids: string[], inputs: Map<string, string[]>, row: Map<string, number>): string[] {
  const read = new Set([...inputs.values()].flat());
  let best: string[] = [];
  for (const end of [...ids].reverse()) {
    if (read.has(end) && end !== ids[ids.length - 1]) continue;
    const walk = [end];
    for (
      let id = inputs.get(end)![0];
      id !== undefined && row.get(id)! < row.get(walk[walk.length - 1])!;
      id = inputs.get(id)![0]
    )
      walk.push(id);
    if (walk.length > best.length) best = walk;
  }
  return best;
}

/** Columns: the trunk in 0, then chain by chain the first one to the right that is free over all the chain's rows. */
function columns(
  ids: string[],
  inputs: Map<string, string[]>,
  outputs: Map<string, string[]>,
  row: Map<string, number>,
  trunk: string[],
) {
  const column = new Map<string, number>(trunk.map(id => [id, 0]));
  const taken: [number, number][][] = [[[-Infinity, Infinity]]];
  for (const start of ids) {
    if (column.has(start)) continue;
    const chain = [start];
    for (let next: string | undefined = start; next !== undefined;) {
      const here: string = next;
      next = outputs
        .get(here)!
        .find(id => !column.has(id) && inputs.get(id)![0] === here && row.get(id)! > row.get(here)!);
      if (next !== undefined) chain.push(next);
    }
    // From the row below where it leaves another column to the row above where it joins one: its lines stay in it.
    const sources = inputs.get(start)!.filter(id => row.get(id)! < row.get(start)!),
      end = chain[chain.length - 1];
    const joins = outputs.get(end)!.filter(id => row.get(id)! > row.get(end)!);
    const top = Math.min(row.get(start)!, ...sources.map(id => row.get(id)! + 1));
    const bottom = Math.max(row.get(end)!, ...joins.map(id => row.get(id)! - 1));
    let free = Math.max(1, ...sources.slice(0, 1).map(id => column.get(id) ?? 1));
    while ((taken[free] ??= []).some(([a, b]) => a <= bottom && top <= b)) free++;
    taken[free].push([top, bottom]);
    for (const id of chain) column.set(id, free);
  }
  return column;
}

/** Give every line its kind: straight, one bend beside a free column, or through a lane between the columns. */
function route(edges: Edge[], cell: (id: string) => Cell, ids: string[]): Route[] {
  const blocks = new Set(
    ids.map(id => {
      const c = cell(id);
      return `${c.column},${c.row}`;
    }),
  );
  const middles = new Map<string, string>(); // column and gap -> whose line runs there, below the middle of blocks
  const claim = (column: number, from: Cell, to: Cell, owner: string): boolean => {
    for (let r = from.row; r < to.row; r++) {
      if ((r > from.row && blocks.has(`${column},${r}`)) || (middles.get(`${column},${r}`) ?? owner) !== owner)
        return false;
    }
    for (let r = from.row; r < to.row; r++) middles.set(`${column},${r}`, owner);
    return true;
  };
  const choose = (from: Cell, to: Cell, source: string, target: string): Kind => {
    if (to.row <= from.row) return "lane";
    if (from.column === to.column) return claim(from.column, from, to, `${source}→${target}`) ? "straight" : "lane";
    const across = () => claim(to.column, from, to, `in ${target}`),
      down = () => claim(from.column, from, to, `out ${source}`);
    if (from.column < to.column) return across() ? "across-then-down" : down() ? "down-then-across" : "lane";
    return down() ? "down-then-across" : across() ? "across-then-down" : "lane";
  };
  const seen = new Map<string, number>();
  const routes = edges.map(([source, target]): Route => {
    const from = cell(source),
      to = cell(target),
      name = `${source}→${target}`;
    const twin = (seen.get(name) ?? 0) + 1; // Add may read one block twice
    seen.set(name, twin);
    // A lane lies left of the end that stands further to the right: a skip of the trunk runs left of all.
    const lane = Math.max(from.column, to.column);
    return {
      id: twin > 1 ? `${name} ${twin}` : name,
      source,
      target,
      path: [],
      skip: false,
      from,
      to,
      kind: "lane",
      lane,
    };
  });
  const bent = (r: Route) => Number(r.from.column !== r.to.column),
    span = (r: Route) => Math.abs(r.to.row - r.from.row);
  const twins = new Set<string>();
  for (const r of [...routes].sort((p, q) => bent(p) - bent(q) || span(p) - span(q))) {
    // straight ones first
    const name = `${r.source}→${r.target}`;
    if (!twins.has(name)) r.kind = choose(r.from, r.to, r.source, r.target);
    twins.add(name);
    r.skip = r.kind === "lane";
  }
  return routes.sort((p, q) => p.from.row - q.from.row || p.to.row - q.to.row);
}

/** Put intervals into as few parallel tracks as possible; those of one group share theirs. Short ones come first. */
function tracks(spans: { group: string; from: number; to: number }[]): Map<string, number> {
  const groups = new Map<string, { from: number; to: number }>();
  for (const s of spans) {
    const g = groups.get(s.group),
      from = Math.min(s.from, s.to),
      to = Math.max(s.from, s.to);
    groups.set(s.group, g ? { from: Math.min(g.from, from), to: Math.max(g.to, to) } : { from, to });
  }
  const taken: { from: number; to: number }[][] = [],
    track = new Map<string, number>();
  for (const [group, g] of [...groups].sort((p, q) => p[1].to - p[1].from - (q[1].to - q[1].from))) {
    let t = 0;
    while (taken[t]?.some(o => o.from <= g.to && g.from <= o.to)) t++;
    (taken[t] ??= []).push(g);
    track.set(group, t);
  }
  return track;
}

/** Measure the gaps, then turn cells and routes into pixels. */
function place(ids: string[], cell: (id: string) => Cell, routes: Route[], last: string | null): Layout {
  const height = 1 + Math.max(-1, ...ids.map(id => cell(id).row)),
    width = 1 + Math.max(-1, ...ids.map(id => cell(id).column));

  // Lanes: vertical, in the gap left of a column, the nearest to its blocks first. Lines of one source share a lane.
  const lanes: Map<string, number>[] = [];
  for (let c = 0; c < width; c++)
    lanes.push(
      tracks(
        routes
          .filter(r => r.kind === "lane" && r.lane === c)
          .map(r => ({ group: `${r.source}`, from: r.from.row + 0.25, to: r.to.row - 0.25 })),
      ),
    );
  const laneCount = lanes.map(m => 1 + Math.max(-1, ...m.values()));
  const x: number[] = [];
  for (let c = 0, at = 0; c < width; c++) {
    at += MARGIN + (c ? COLUMN_GAP - MARGIN : 0) + LANE * (laneCount[c] ?? 0);
    x.push(at);
    at += W;
  }
  const laneX = (r: Route) => x[r.lane] - MARGIN - 8 - LANE * lanes[r.lane].get(r.source)!;
  const middle = (c: Cell) => x[c.column] + W / 2;
  // What runs below the middle of a block leaves or enters there; the others on the side to which they go.
  const outSide = (r: Route): number =>
    r.kind === "straight" || r.kind === "down-then-across"
      ? 0
      : Math.sign((r.kind === "lane" ? laneX(r) : middle(r.to)) - middle(r.from));
  const inSide = (r: Route): number =>
    r.kind === "straight" || r.kind === "across-then-down"
      ? 0
      : Math.sign((r.kind === "lane" ? laneX(r) : middle(r.from)) - middle(r.to));
  const outX = (r: Route) => middle(r.from) + PORT * outSide(r),
    inX = (r: Route) => middle(r.to) + PORT * inSide(r);
  const leave = (r: Route) => `${r.source} ${outSide(r)}`,
    enter = (r: Route) => `${r.target} ${inSide(r)}`;

  // Tracks: horizontal, in the gap below row g. What leaves a block runs above what enters one, so stubs never overlap.
  const leaving: Map<number, { group: string; from: number; to: number }[]> = new Map(),
    entering: typeof leaving = new Map();
  const add = (map: typeof leaving, gap: number, group: string, from: number, to: number) =>
    map.set(gap, [...(map.get(gap) ?? []), { group, from, to }]);
  for (const r of routes) {
    if (r.kind === "across-then-down" || r.kind === "lane")
      add(leaving, r.from.row, leave(r), outX(r), r.kind === "lane" ? laneX(r) : inX(r));
    if (r.kind === "down-then-across" || r.kind === "lane")
      add(entering, r.to.row - 1, enter(r), r.kind === "lane" ? laneX(r) : outX(r), inX(r));
  }
  const outTracks = new Map<number, Map<string, number>>(),
    inTracks = new Map<number, Map<string, number>>();
  for (const [gap, spans] of leaving) outTracks.set(gap, tracks(spans));
  for (const [gap, spans] of entering) inTracks.set(gap, tracks(spans));
  const count = (map: Map<string, number> | undefined) => 1 + Math.max(-1, ...(map?.values() ?? []));
  const y: number[] = [];
  for (let g = -1, at = 0; g < height; g++) {
    if (g >= 0) {
      y.push(at);
      at += H;
    }
    const lines = count(outTracks.get(g)) + count(inTracks.get(g));
    if (g >= 0 || lines) at += ROW_GAP + TRACK * Math.max(0, lines - 2);
  }
  const outY = (r: Route) => y[r.from.row] + H + 9 + TRACK * outTracks.get(r.from.row)!.get(leave(r))!;
  const inY = (r: Route) => y[r.to.row] - 12 - TRACK * inTracks.get(r.to.row - 1)!.get(enter(r))!;

  const wires = routes.map(r => {
    const start = { x: outX(r), y: y[r.from.row] + H },
      end = { x: inX(r), y: y[r.to.row] };
    let bends: Path = [];
    if (r.kind === "across-then-down")
      bends = [
        { x: start.x, y: outY(r) },
        { x: end.x, y: outY(r) },
      ];
    if (r.kind === "down-then-across")
      bends = [
        { x: start.x, y: inY(r) },
        { x: end.x, y: inY(r) },
      ];
    if (r.kind === "lane")
      bends = [
        { x: start.x, y: outY(r) },
        { x: laneX(r), y: outY(r) },
        { x: laneX(r), y: inY(r) },
        { x: end.x, y: inY(r) },
      ];
    return { id: r.id, source: r.source, target: r.target, skip: r.skip, path: [start, ...bends, end] };
  });
  const at = new Map(
    ids.map(id => {
      const c = cell(id);
      return [id, { x: x[c.column], y: y[c.row] }];
    }),
  );
  return { at, wires, width: x.length ? x[width - 1] + W : 0, height: y.length ? y[height - 1] + H : 0, last };
}
