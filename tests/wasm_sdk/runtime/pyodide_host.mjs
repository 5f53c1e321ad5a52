// Runs a Python program in Pyodide under Node: node pyodide_host.mjs PYODIDE SOURCES SITE_PACKAGES PROGRAM ARGUMENT...
// The sources and the host's pure-Python packages are mounted, so that the program imports what a browser would have
// installed. The program's last expression is awaited and printed.
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { readFileSync } from "node:fs";

const [pyodide, sources, packages, program, ...argv] = process.argv.slice(2);
try {
  const { loadPyodide } = await import(pathToFileURL(join(pyodide, "pyodide.mjs")).href);
  const py = await loadPyodide({ indexURL: pyodide });
  for (const [place, root] of [["/sources", sources], ["/packages", packages]]) {
    py.FS.mkdir(place);
    py.FS.mount(py.FS.filesystems.NODEFS, { root }, place);
  }
  py.globals.set("argv", py.toPy(argv));
  py.runPython("import sys; sys.path[:0] = ['/sources']; sys.path.append('/packages')");
  console.log(await py.runPythonAsync(readFileSync(program, "utf8")));
  process.exit(0);
} catch (error) {
  // Uncaught, Node would print the line it came from: all of Pyodide's.
  console.error(error.message);
  process.exit(1);
}
