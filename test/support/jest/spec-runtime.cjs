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

/** The instances of `AsyncLocalStorage` that `load` makes, and what it returns. */
function recordStorages(load) {
  const { AsyncLocalStorage } = asyncHooks;
  const storages = [];
  asyncHooks.AsyncLocalStorage = class extends AsyncLocalStorage {
    constructor(...options) {
      super(...options);
      storages.push(this);
    }
  };
  try {
    return { storages, result: load() };
  } finally {
    asyncHooks.AsyncLocalStorage = AsyncLocalStorage;
  }
}

let setups = 0;

/**
 * Loads spec files by Node's own loader, so that those of one worker share the instances of all modules: loading them
 * anew took half of a run. A file with `@jest-environment node` in its first comment has Jest's own runtime, and every
 * module for itself.
 */
module.exports = class SpecRuntime extends Runtime {
  #specFile;
  #globals;
  #isShared;
  #storages = [];

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

  /** Jest's own modules: only the one that holds the tests of a file is new for each. */
  requireInternalModule(from, to) {
    if (!this.#isShared) return super.requireInternalModule(from, to);
    const file = to ?? from;
    delete require.cache[file];
    const { storages, result } = recordStorages(() => createRequire(from)(file));
    this.#storages.push(...storages);
    return result;
  }

  /** Node calls each storage that was ever used for each promise: hundreds of files would slow their worker down. */
  teardown() {
    for (const storage of this.#storages) storage.disable();
    super.teardown();
  }

  getSourceMaps() {
    return this.#isShared ? new SourceMaps() : super.getSourceMaps();
  }
};
