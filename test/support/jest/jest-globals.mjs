/** What spec files and test support import as `@jest/globals`: the functions of the spec file that is running. */
export let afterAll;
export let afterEach;
export let beforeAll;
export let beforeEach;
export let describe;
export let expect;
export let it;
export let jest;
export let test;

/** Called before each spec file is loaded. Importers see the new values: exports of ES modules are live. */
export function useJestGlobals(globals) {
  ({ afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest, test } = globals);
}
