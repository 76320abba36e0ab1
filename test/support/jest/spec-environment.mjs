import { ModernFakeTimers } from '@jest/fake-timers';
import { ModuleMocker } from 'jest-mock';

/** Where Jest keeps the tests of a spec file, and what it sets by `jest.setTimeout` and the like. */
const STATE = [
  'EVENT_HANDLERS',
  'JEST_STATE_SYMBOL',
  'LOG_ERRORS_BEFORE_RETRY',
  'RETRY_IMMEDIATELY',
  'RETRY_TIMES',
  'RETRY_TIMES_SETTER',
  'TEST_TIMEOUT_SYMBOL',
  'WAIT_BEFORE_RETRY',
];

const EVENTS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException', 'unhandledRejection', 'warning'];

/** Functions that tests replace, by fake timers or by hand. */
const REPLACEABLE = ['Date', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];

/**
 * The process itself as the environment of spec files that share modules. A file fails if it leaves
 * anything behind that the next one could notice.
 */
export default class SpecEnvironment {
  global = globalThis;
  fakeTimers = null;
  #before;
  #listeners = EVENTS.map((name) => [name, process.rawListeners(name)]);
  #hasRun = false;
  #console = globalThis.console;
  #exit = process.exit;

  constructor({ projectConfig }) {
    for (const symbol of Object.getOwnPropertySymbols(globalThis))
      if (STATE.includes(symbol.description)) delete globalThis[symbol];
    this.moduleMocker = new ModuleMocker(globalThis);
    this.fakeTimersModern = new ModernFakeTimers({ config: projectConfig, global: globalThis });
    this.#before = describeProcess();
  }

  async setup() {}

  handleTestEvent({ name }) {
    if (name === 'run_finish') this.#hasRun = true;
  }

  async teardown() {
    this.fakeTimersModern.dispose();
    globalThis.console = this.#console;
    process.exit = this.#exit;
    if (!this.#hasRun) return this.#restoreListeners();
    const left = compare(this.#before, describeProcess());
    if (left.length > 0) throw new Error(`The spec file leaves behind for the next: ${left.join(', ')}.`);
  }

  /** For a file that could not be loaded: Jest then reports the reason, and not its own leftover listeners. */
  #restoreListeners() {
    for (const [name, listeners] of this.#listeners) {
      process.removeAllListeners(name);
      for (const listener of listeners) process.on(name, listener);
    }
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  getVmContext() {
    return null;
  }
}

/** State, besides that of modules, through which spec files of one process could disturb each other. */
function describeProcess() {
  const variables = Object.entries(process.env).map(([name, value]) => [`process.env.${name}`, value]);
  const listeners = EVENTS.map((name) => [`listeners of ${name}`, process.listenerCount(name)]);
  return new Map([
    ...variables,
    ...listeners,
    ...REPLACEABLE.map((name) => [name, globalThis[name]]),
    ['the working directory', process.cwd()],
  ]);
}

function compare(before, after) {
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key));
}
