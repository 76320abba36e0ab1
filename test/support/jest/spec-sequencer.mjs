import { createHash } from 'node:crypto';
import path from 'node:path';
import TestSequencer from '@jest/test-sequencer';

/** Typical milliseconds for files that have not run here yet. The first match counts. */
const TYPICAL_DURATIONS = [
  [/\/e2e\/(browser|start|clients|[a-z]+-kills|[a-z]+-crash|cli)/, 50_000],
  [/\/e2e\//, 15_000],
  [/\/integration\//, 5_000],
  [/\/architecture\//, 3_000],
  [/./, 500],
];

/** Starts with the longest files, so that the workers end together. With `--randomize`, shuffles the files as well. */
export default class SpecSequencer extends TestSequencer {
  #seed;

  constructor(options) {
    super(options);
    const { randomize, seed } = options.globalConfig;
    this.#seed = randomize ? seed : null;
  }

  sort(tests) {
    if (this.#seed === null) return super.sort(tests);
    // By the path in the checkout, so that a seed repeats a run of another machine.
    const nameOf = ({ path: file, context }) => path.relative(context.config.rootDir, file);
    const places = new Map(tests.map((test) => [test, hash(`${this.#seed} ${nameOf(test)}`)]));
    return [...tests].sort((a, b) => (places.get(a) < places.get(b) ? -1 : 1));
  }

  time(test) {
    return super.time(test) ?? TYPICAL_DURATIONS.find(([pattern]) => pattern.test(test.path))[1];
  }
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex');
}
