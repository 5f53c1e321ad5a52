/** Set by the build. */
declare const __VERSION__: string;
/** The worker's file, relative to the loader's (`assets`). */
declare const __WORKER__: string;
/** The captures that are loaded after the page, relative to the loader's own file. */
declare const __LATER__: string;
/** The folder of Pyodide and the archives, relative to the worker's own file. */
declare const __PYODIDE__: string;
declare const __CORE__: string;
declare const __STDLIB__: string;
/** The contents of an empty lock file for the Pyodide that is shipped. */
declare const __LOCK__: import("pyodide").Lockfile;
