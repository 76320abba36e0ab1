const asyncHooks = require('node:async_hooks');
const { createRequire } = require('node:module');
const { fileURLToPath, pathToFileURL } = require('node:url');
const Runtime = require('jest-runtime').default;
const { transpile } = require('../transpile.cjs');

/** Stack traces name modules by URL. */
class SourceMaps extends Map {
  get(source) {
    return source.startsWith('file:') && source.endsWith('.ts') ? transpile(fileURLToPath(source)).map : undefined;
  }
}

/**
 * Replaces the `AsyncLocalStorage` with which jest-circus attributes unhandled errors to tests. Node runs a hook of
 * each storage for every promise, and each spec file creates one, so a worker became slower with every file. Tests run
 * one after the other, so it is enough to know the running one.
 */
class CurrentContext {
  #store;

  getStore() {
    return this.#store;
  }

  run(store, work) {
    const outer = this.#store;
    const restore = () => {
      this.#store = outer;
    };
    this.#store = store;
    return work().finally(restore);
  }
}

function loadWithoutStorages(load) {
  const { AsyncLocalStorage } = asyncHooks;
  asyncHooks.AsyncLocalStorage = CurrentContext;
  try {
    return load();
  } finally {
    asyncHooks.AsyncLocalStorage = AsyncLocalStorage;
  }
}

let setups = 0;

/**
 * Loads spec files with Node's own loader, so that those of one worker share all module instances: loading them again
 * took half of a run. A file with `@jest-environment node` in its first comment gets Jest's own runtime, and its own
 * instance of every module.
 */
module.exports = class SpecRuntime extends Runtime {
  #specFile;
  #globals;
  #isShared;

  constructor(...options) {
    super(...options);
    const [, environment] = options;
    this.#isShared = environment.global === globalThis;
    this.#specFile = options[6];
  }

  setGlobalsForRuntime(globals) {
    super.setGlobalsForRuntime(globals);
    this.#globals = globals;
  }

  async unstable_importModule(file, name) {
    if (!this.#isShared) return super.unstable_importModule(file, name);
    await import('../typescript-hook.mjs');
    const { useJestGlobals } = await import('./jest-globals.mjs');
    useJestGlobals({ ...this.#globals, jest: this.jestGlobals.jestObjectFor(file) });
    // Files of `setupFilesAfterEnv` run again for each spec file.
    setups += 1;
    return import(`${pathToFileURL(file)}${file === this.#specFile ? '' : `?for=${setups}`}`);
  }

  /** Jest's own modules: only the one that holds a file's tests is loaded anew for each file. */
  requireInternalModule(from, to) {
    if (!this.#isShared) return super.requireInternalModule(from, to);
    const file = to ?? from;
    delete require.cache[file];
    return loadWithoutStorages(() => createRequire(from)(file));
  }

  getSourceMaps() {
    return this.#isShared ? new SourceMaps() : super.getSourceMaps();
  }
};
