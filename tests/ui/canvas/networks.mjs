/** Networks to lay out: [ids, edges] in the document's order, as Python sends them. */

/** A list of blocks in which each reads the one before it unless it says what. */
export function network(...blocks) {
  const ids = [], edges = [];
  for (const block of blocks) {
    const [id, inputs] = Array.isArray(block) ? block : [block, ids.length ? [ids[ids.length - 1]] : []];
    for (const input of inputs) edges.push([input, id]);
    ids.push(id);
  }
  return [ids, edges];
}

const seq = (prefix, count) => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

/** Encoder and decoder; each Concat reads what comes up and, of the same height, what went down (or the other way round). */
export function unet(depth, skipFirst = false) {
  const blocks = ["Input"];
  for (let d = 1; d <= depth; d++) blocks.push(`down${d}a`, `down${d}b`, `pool${d}`);
  blocks.push("bottom a", "bottom b");
  for (let d = depth; d >= 1; d--) {
    const inputs = [`up${d}`, `down${d}b`];
    blocks.push(`up${d}`, [`concat${d}`, skipFirst ? inputs.reverse() : inputs], `up${d}a`, `up${d}b`);
  }
  return network(...blocks, "out", "loss");
}

export function inception(modules) {
  const blocks = ["Input", "stem"];
  let from = "stem";
  for (let m = 1; m <= modules; m++) {
    blocks.push([`a${m}`, [from]], [`b${m}.1`, [from]], `b${m}.2`, [`c${m}.1`, [from]], `c${m}.2`, `c${m}.3`, [`d${m}.pool`, [from]], `d${m}.1`,
      [`concat${m}`, [`a${m}`, `b${m}.2`, `c${m}.3`, `d${m}.1`]]);
    from = `concat${m}`;
  }
  return network(...blocks, "pool", "out", "loss");
}

/** Stages of bottlenecks: 3 convolutions with batch normalisation, Add, ReLU; a projection at each stage's start. */
export function resnet(stages = [3, 4, 6, 3]) {
  const blocks = ["Input", "conv", "bn", "relu", "pool"];
  let from = "pool";
  stages.forEach((count, s) => {
    for (let i = 1; i <= count; i++) {
      const name = `${s + 1}.${i}`, body = seq(`${name} body `, 8);
      blocks.push([body[0], [from]], ...body.slice(1));
      let skip = from;
      if (i === 1) { blocks.push([`${name} projection`, [from]], `${name} projection bn`); skip = `${name} projection bn`; }
      blocks.push([`${name} add`, [body[7], skip]], `${name} relu`);
      from = `${name} relu`;
    }
  });
  return network(...blocks, "mean", "affine", "softmax", "loss");
}

/** Every block reads all before it. */
export function dense(count) {
  const ids = seq("d", count);
  return network(...ids.map((id, i) => [id, ids.slice(0, i).reverse()]));
}

/** The same numbers for the same seed (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Any network, also wrong ones: several inputs and ends, the same input twice, and lines back up where `loops`. */
export function anything(seed, loops = false) {
  const next = random(seed), pick = n => Math.floor(next() * n), count = 1 + pick(40), ids = seq("n", count), edges = [];
  ids.forEach((id, i) => {
    for (let k = next() < 0.6 ? 1 : pick(4); k > 0; k--) {
      const from = next() < 0.6 ? i - 1 : pick(loops ? count : i);
      if (from >= 0) edges.push([ids[from], id]);
    }
  });
  return [ids, edges];
}
