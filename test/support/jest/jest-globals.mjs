/** What spec files import as `@jest/globals`: the functions of the spec file that runs, for modules that outlive it. */
let current = {};

/** Called before each spec file is loaded. */
export function useJestGlobals(globals) {
  current = globals;
}

function forward(name) {
  return new Proxy(() => undefined, {
    get: (_target, key) => Reflect.get(current[name], key),
    apply: (_target, self, values) => Reflect.apply(current[name], self, values),
  });
}

export const afterAll = forward('afterAll');
export const afterEach = forward('afterEach');
export const beforeAll = forward('beforeAll');
export const beforeEach = forward('beforeEach');
export const describe = forward('describe');
export const expect = forward('expect');
export const it = forward('it');
export const jest = forward('jest');
export const test = forward('test');
