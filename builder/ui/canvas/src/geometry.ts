/** Points, polylines and rectangles. Nothing here knows React or the network. */

export const W = 232,
  H = 60; // size of a block
export type Point = { x: number; y: number };
export type Path = Point[];

/** Distance from a point to a polyline. */
export function distance(p: Point, path: Path): number {
  let best = Infinity;
  for (let i = 1; i < path.length; i++) {
    const a = path[i - 1],
      b = path[i],
      dx = b.x - a.x,
      dy = b.y - a.y;
    const t = Math.max(0, Math.min(1, ((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy || 1)));
    best = Math.min(best, Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy));
  }
  return best;
}

/** Distance from a point to a block whose upper left corner is `at`; 0 inside. */
export function away(p: Point, at: Point): number {
  return Math.hypot(Math.max(at.x - p.x, 0, p.x - at.x - W), Math.max(at.y - p.y, 0, p.y - at.y - H));
}

/** SVG path with rounded corners. */
export function svgPath(path: Path, radius = 7): string {
  let d = `M${path[0].x},${path[0].y}`;
  for (let i = 1; i < path.length - 1; i++) {
    const a = path[i - 1],
      b = path[i],
      c = path[i + 1];
    const before = Math.hypot(b.x - a.x, b.y - a.y) || 1,
      after = Math.hypot(c.x - b.x, c.y - b.y) || 1;
    const r = Math.min(radius, before / 2, after / 2);
    d +=
      `L${b.x + ((a.x - b.x) * r) / before},${b.y + ((a.y - b.y) * r) / before}` +
      `Q${b.x},${b.y} ${b.x + ((c.x - b.x) * r) / after},${b.y + ((c.y - b.y) * r) / after}`;
  }
  const end = path[path.length - 1];
  return `${d}L${end.x},${end.y}`;
}
