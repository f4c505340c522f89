/**
 * Bundle src/ into build/: `npm run build`. The same lock file gives the same bytes.
 *
 * The first line of both files holds the SHA-256 of everything that they are made from, so that a test can tell without
 * node whether build/ is up to date. A first line that is a comment is needed anyway: Streamlit takes a text without a
 * newline for a path.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "build");

/** SHA-256 over "<path>\n<length in bytes>\n<bytes>" of each source, by path; line ends are those of the file. */
function fingerprint() {
  const sources = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter(f => f.isFile())
    .map(f =>
      join(f.parentPath ?? f.path, f.name)
        .slice(here.length + 1)
        .replaceAll("\\", "/"),
    );
  const hash = createHash("sha256");
  for (const path of [...sources, "build.mjs", "package-lock.json"].sort()) {
    const bytes = readFileSync(join(here, path));
    hash.update(`${path}\n${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/** The licenses of the packages whose code is in the bundle (esbuild's own list misses those without comments). */
function thirdParty(inputs) {
  const packages = new Set(
    Object.keys(inputs)
      .map(path => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
      .filter(Boolean),
  );
  const parts = [...packages].sort().map(name => {
    const folder = join(here, "node_modules", name),
      about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find(f => /^licen[cs]e/i.test(f));
    if (!file || !existsSync(join(folder, file))) throw new Error(`${name} has no license file`);
    return `${name} ${about.version} (${about.license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return `The canvas holds code of these packages.\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

const banner = `generated from src/ by build.mjs, do not edit; sha256 ${fingerprint()}`;
mkdirSync(out, { recursive: true });
const result = await build({
  absWorkingDir: here,
  entryPoints: { canvas: "src/index.tsx" },
  outdir: out,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  jsx: "automatic",
  charset: "utf8",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
  banner: { js: `// ${banner}\n`, css: `/* ${banner} */\n` },
  metafile: true,
  logLevel: "warning",
});
writeFileSync(join(out, "THIRD_PARTY.txt"), thirdParty(result.metafile.inputs));
if (process.argv.includes("--sizes")) {
  const sizes = {};
  for (const [path, { bytesInOutput }] of Object.entries(
    result.metafile.outputs[Object.keys(result.metafile.outputs).find(f => f.endsWith(".js"))].inputs,
  )) {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? "src";
    sizes[name] = (sizes[name] ?? 0) + bytesInOutput;
  }
  console.table(sizes);
}
