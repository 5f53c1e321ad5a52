// Builds dist/: the loader (spanweave.js), and under assets/ what it loads, named by content so that it caches forever.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { loadPyodide } from "pyodide";

const web = dirname(fileURLToPath(import.meta.url));
const sdk = join(web, "..", "wasm_sdk");
const dist = join(web, "dist");
const pyodide = join(web, "node_modules", "pyodide");
const { version } = JSON.parse(readFileSync(join(web, "package.json"), "utf8"));
const ENTRY = "wasm_sdk.page";
const TARGET = ["chrome111", "firefox115", "safari16.4"];

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, "assets"), { recursive: true });

const { stdlib, core, lock } = await python();
const runtime = asset("pyodide", ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm"].map((name) => [name, readFileSync(join(pyodide, name))]));
const worker = await bundle("src/worker/main.ts", "esm", {
  __PYODIDE__: `../${runtime}/`,
  __STDLIB__: `../${asset("python", [["stdlib.zip", stdlib]])}/stdlib.zip`,
  __CORE__: `../${asset("core", [["core.zip", core]])}/core.zip`,
  __LOCK__: lock,
});
const workerPath = `assets/${asset("worker", [["worker.js", worker]])}/worker.js`;
const later = await bundle("src/later/main.ts", "esm", { __WORKER__: workerPath });
const laterPath = `assets/${asset("later", [["later.js", later]])}/later.js`;
writeFileSync(join(dist, "spanweave.js"), await bundle("src/loader/main.ts", "iife", { __LATER__: laterPath }));
await npmPackage({ __WORKER__: workerPath, __LATER__: laterPath });
writeManifest();

/** The archives, compiled by the Python that will run them. */
async function python() {
  const py = await loadPyodide();
  py.FS.mkdirTree("/sources/wasm_sdk");
  for (const file of readdirSync(sdk, { recursive: true })) {
    if (!file.endsWith(".py")) continue;
    py.FS.mkdirTree(`/sources/wasm_sdk/${dirname(file)}`);
    py.FS.writeFile(`/sources/wasm_sdk/${file}`, readFileSync(join(sdk, file)));
  }
  py.FS.mkdirTree("/build");
  py.FS.writeFile("/build/pack.py", readFileSync(join(web, "pack.py")));
  // The order matters: what packing itself imports must not end up in the standard library of the page.
  py.runPython(`import sys; sys.path.insert(0, "/sources"); import ${ENTRY}; needed = set(sys.modules); sys.path.insert(0, "/build")`);
  const pack = py.pyimport("pack");
  const needed = py.globals.get("needed");
  const bytes = (zip) => zip.toJs();
  const { info } = JSON.parse(readFileSync(join(pyodide, "pyodide-lock.json"), "utf8"));
  return {
    stdlib: bytes(pack.standard_library(needed)),
    core: bytes(pack.package("/sources", needed)),
    lock: { info, packages: {} },
  };
}

/** The entries of the npm package, and their types. */
async function npmPackage(define) {
  mkdirSync(join(dist, "npm"));
  for (const platform of ["browser", "node", "worker"]) {
    writeFileSync(join(dist, "npm", `${platform}.js`), await bundle(`src/api/${platform}.ts`, "esm", define));
  }
  const tsc = spawnSync(process.execPath, [join(web, "node_modules", "typescript", "bin", "tsc"), "-p", join(web, "tsconfig.types.json")], { stdio: "inherit" });
  if (tsc.status) throw new Error("the types of the npm package could not be written");
}

async function bundle(entry, format, define) {
  const result = await build({
    entryPoints: [join(web, entry)],
    bundle: true,
    minify: true,
    write: false,
    format,
    external: ["node:*"],
    target: TARGET,
    legalComments: "none",
    define: Object.fromEntries(Object.entries({ ...define, __VERSION__: version }).map(([name, value]) => [name, JSON.stringify(value)])),
  });
  return result.outputFiles[0].contents;
}

/** Writes files into a folder that is named by what they hold; returns its name. */
function asset(name, files) {
  const hash = createHash("sha256");
  for (const [file, contents] of files) hash.update(file).update(contents);
  const folder = `${name}-${hash.digest("hex").slice(0, 12)}`;
  for (const [file, contents] of files) {
    mkdirSync(join(dist, "assets", folder), { recursive: true });
    writeFileSync(join(dist, "assets", folder, file), contents);
  }
  return folder;
}

/** Brotli siblings for servers to send as they are, and the list of files with their sizes. */
function writeManifest() {
  const files = {};
  for (const path of readdirSync(dist, { recursive: true })) {
    const file = join(dist, path);
    if (!statSync(file).isFile() || path.startsWith("npm")) continue;
    const contents = readFileSync(file);
    const brotli = brotliCompressSync(contents, {
      params: { [constants.BROTLI_PARAM_QUALITY]: contents.length > 2 ** 20 ? 9 : 11, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length },
    });
    writeFileSync(`${file}.br`, brotli);
    files[relative(dist, file).replaceAll("\\", "/")] = { bytes: contents.length, brotli: brotli.length };
  }
  writeFileSync(join(dist, "manifest.json"), `${JSON.stringify({ version, files }, null, 2)}\n`);
}
