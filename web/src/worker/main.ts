import type { loadPyodide as LoadPyodide, PyodideAPI } from "pyodide";
import type { FromWorker, ToWorker } from "./messages.ts";

/** The Python side: `wasm_sdk.page`. */
interface Page {
  submit(batch: number, signal: string, body: string): void;
}

/** The smallest WebAssembly module: compiling it tells whether the CSP lets us. Pyodide would hang without a word. */
const EMPTY_MODULE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

const tell = (message: FromWorker): void => postMessage(message);
const here = (path: string): string => new URL(path, import.meta.url).href;

let page: Promise<Page> | undefined;

onmessage = async ({ data }: MessageEvent<ToWorker>): Promise<void> => {
  try {
    if (data.type === "start") {
      const start = performance.now();
      page = boot(data.endpoint, start);
      await page;
    } else {
      (await page)?.submit(data.batch, data.signal, data.body);
    }
  } catch (error) {
    tell({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
};

async function boot(endpoint: string, start: number): Promise<Page> {
  probeWebAssembly();
  const [core, { loadPyodide }] = await Promise.all([
    fetch(here(__CORE__)).then(archive),
    import(here(`${__PYODIDE__}pyodide.mjs`)) as Promise<{ loadPyodide: typeof LoadPyodide }>,
  ]);
  const python = await loadPyodide({
    indexURL: here(__PYODIDE__),
    stdLibURL: here(__STDLIB__),
    // An empty lock file: no package is ever looked up, least of all at a CDN.
    packageBaseUrl: here(__PYODIDE__),
    lockFileContents: __LOCK__,
  });
  python.FS.writeFile("/spanweave.zip", core);
  const page = startPage(python, endpoint);
  tell({ type: "ready", milliseconds: performance.now() - start, python: python.runPython("import sys; sys.version") });
  return page;
}

function probeWebAssembly(): void {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (error) {
    throw new Error(
      typeof WebAssembly === "undefined"
        ? "this browser has no WebAssembly"
        : `the page's CSP does not allow WebAssembly (add 'wasm-unsafe-eval' to script-src): ${String(error)}`,
    );
  }
}

async function archive(answer: Response): Promise<Uint8Array> {
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function startPage(python: PyodideAPI, endpoint: string): Page {
  python.runPython("import sys; sys.path.insert(0, '/spanweave.zip')");
  const module = python.pyimport("wasm_sdk.page");
  const done = (json: string): void => tell({ type: "done", ...JSON.parse(json) });
  return module.start(endpoint, done) as Page;
}
