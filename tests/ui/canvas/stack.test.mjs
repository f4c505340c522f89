/** The layout that ships: no two blocks overlap, no line crosses a block, no two lines are mistaken for one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stack } from "../../../builder/ui/canvas/build/canvas.js";
import { anything, dense, inception, network, resnet, unet } from "./networks.mjs";

const W = 232, H = 60;

const segments = wire => wire.path.slice(1).map((p, i) => [wire.path[i], p]);
const column = (layout, id) => layout.at.get(id).x;

/** Length that two upright or two level segments have in common. */
function shared([a, b], [c, d]) {
  for (const [along, across] of [["x", "y"], ["y", "x"]]) {
    if (a[across] !== b[across] || c[across] !== d[across] || a[across] !== c[across]) continue;
    return Math.min(Math.max(a[along], b[along]), Math.max(c[along], d[along])) - Math.max(Math.min(a[along], b[along]), Math.min(c[along], d[along]));
  }
  return 0;
}

function holds([ids, edges]) {
  const layout = stack(ids, edges), blocks = [...layout.at];
  assert.deepEqual([...layout.at.keys()].sort(), [...ids].sort());
  assert.equal(layout.wires.length, edges.filter(([a, b]) => a !== b).length);
  assert.equal(new Set(layout.wires.map(w => w.id)).size, layout.wires.length);
  blocks.forEach(([p, a], i) => blocks.slice(i + 1).forEach(([q, b]) =>
    assert.ok(Math.abs(a.x - b.x) >= W || Math.abs(a.y - b.y) >= H, `${p} overlaps ${q}`)));
  for (const wire of layout.wires) {
    const start = layout.at.get(wire.source), end = layout.at.get(wire.target), { path } = wire;
    assert.equal(path[0].y, start.y + H);
    assert.equal(path[path.length - 1].y, end.y);
    for (const [p, at] of [[path[0], start], [path[path.length - 1], end]]) assert.ok(p.x > at.x && p.x < at.x + W);
    for (const [p, q] of segments(wire)) {
      assert.ok(p.x === q.x || p.y === q.y, `${wire.id} has a slope`);
      for (const [id, b] of blocks) {
        const inside = Math.max(p.x, q.x) > b.x && Math.min(p.x, q.x) < b.x + W && Math.max(p.y, q.y) > b.y && Math.min(p.y, q.y) < b.y + H;
        assert.ok(!inside, `${wire.id} crosses ${id}`);
      }
    }
    assert.ok(path.every(p => Number.isFinite(p.x) && Number.isFinite(p.y) && p.x >= 0 && p.x <= layout.width + W));
  }
  layout.wires.forEach((a, i) => layout.wires.slice(i + 1).forEach(b => {
    if (a.source === b.source || a.target === b.target) return;                  // these may run together
    for (const s of segments(a)) for (const t of segments(b)) assert.ok(shared(s, t) <= 0, `${a.id} and ${b.id} run in one line`);
  }));
  return layout;
}

test("nothing, one block, two without a connection", () => {
  assert.deepEqual(holds([[], []]), { at: new Map(), wires: [], width: 0, height: 0, last: null });
  assert.equal(holds([["a"], []]).last, "a");
  holds([["a", "b"], []]);
});

test("a plain stack is one straight column", () => {
  const [ids, edges] = network("Input", "a", "b", "c"), layout = holds([ids, edges]);
  assert.equal(new Set(ids.map(id => column(layout, id))).size, 1);
  assert.ok(layout.wires.every(w => w.path.length === 2 && !w.skip));
  assert.equal(layout.last, "c");
});

test("ResNet-50: the trunk is straight, each projection stands beside it, the other shortcuts are lanes", () => {
  const [ids, edges] = resnet(), layout = holds([ids, edges]), trunk = column(layout, "conv");
  assert.equal(ids.length, 177);
  const beside = ids.filter(id => column(layout, id) !== trunk);
  assert.deepEqual(beside, ids.filter(id => id.includes("projection")));
  assert.equal(layout.wires.filter(w => w.skip).length, 12);
  assert.ok(layout.wires.filter(w => w.skip).every(w => w.path[2].x < trunk));
});

test("U-Net: one column with nested lanes", () => {
  for (const depth of [1, 2, 4]) {
    const [ids, edges] = unet(depth), layout = holds([ids, edges]);
    assert.equal(new Set(ids.map(id => column(layout, id))).size, 1);
    const lanes = layout.wires.filter(w => w.skip).sort((p, q) => p.path[1].y - q.path[1].y).map(w => w.path[2].x);
    assert.equal(lanes.length, depth);
    assert.deepEqual(lanes, [...lanes].sort((p, q) => p - q), "a longer skip runs further out");
    assert.equal(new Set(lanes).size, depth);
  }
});

test("U-Net whose Concats read the skip first", () => { for (const depth of [1, 2, 4]) holds(unet(depth, true)); });

test("Inception: four branches in four columns, their lines straight", () => {
  for (const modules of [1, 3]) {
    const [ids, edges] = inception(modules), layout = holds([ids, edges]);
    assert.equal(new Set(ids.map(id => column(layout, id))).size, 4);
    assert.ok(layout.wires.every(w => !w.skip), "no line needs a lane");
  }
});

test("DenseNet: blocks that read all before them", () => { holds(dense(12)); });

test("one block read twice, a loop, a block that reads itself, an unknown block", () => {
  assert.equal(holds(network("x", ["add", ["x", "x"]])).wires.length, 2);
  holds([["a", "b", "c"], [["a", "b"], ["b", "c"], ["c", "b"]]]);
  holds([["a"], [["a", "a"]]]);
  assert.equal(stack(["a"], [["a", "gone"], ["gone", "a"]]).wires.length, 0);
});

test("a block whose inputs are wrong stands beside the stack, which stays", () => {
  const layout = holds(network("Input", "a", "b", ["lost", []], ["c", ["b"]], ["loss", ["c"]]));
  assert.equal(new Set(["Input", "a", "b", "c", "loss"].map(id => column(layout, id))).size, 1);
  assert.ok(column(layout, "lost") > column(layout, "a"));
});

test("any network", () => { for (let seed = 1; seed <= 400; seed++) { holds(anything(seed)); holds(anything(seed, true)); } });

test("10,000 blocks in a row stand in one column", () => {
  const began = performance.now();
  const layout = stack(...network(...Array.from({ length: 10_000 }, (_, i) => `n${i}`)));
  console.log(`10,000 blocks: ${(performance.now() - began).toFixed(0)} ms`);
  assert.equal(layout.at.size, 10_000);
  assert.equal(new Set([...layout.at.values()].map(at => at.x)).size, 1);
});

test("ResNet-50 is laid out again and again to the same places", () => {
  const net = resnet();
  const first = stack(...net);
  const began = performance.now();
  for (let i = 0; i < 20; i++) stack(...net);
  const each = (performance.now() - began) / 20;
  console.log(`ResNet-50, 177 blocks: ${each.toFixed(2)} ms`);
  assert.deepEqual([...stack(...net).at], [...first.at]);
});
