import { describe, expect, it } from '@jest/globals';
import { ProblemError } from '../../../console/src/api/problem-error.ts';
import { type BulkCall, type RowResult, runInBulk } from '../../../console/src/pages/connections/bulk-run.ts';

type Call = BulkCall['call'];

function problem(status: number, code: string, retryAfter?: number): ProblemError {
  const body = { type: `/problems/${code}`, title: code, detail: code, remedy: '', request_id: 'req_1', status, code };
  return ProblemError.ofProblem(retryAfter === undefined ? body : { ...body, retry_after: retryAfter });
}
const databaseAway = problem(503, 'database_unavailable', 1);
const notFound = problem(404, 'connection_not_found');

/** Runs rows with calls that return these answers in turn, and then always the last one. */
async function run(
  ids: string[],
  answers: Call[],
  options: { rows?: number; onWait?: (stop: () => void) => void } = {},
) {
  const results = new Map<string, RowResult>();
  const calls: string[][] = [];
  const waits: { seconds: number; states: Record<string, string> }[] = [];
  const stop = new AbortController();
  const states = () => Object.fromEntries([...results].map(([id, { state }]) => [id, state]));
  const call: Call = (some) => {
    calls.push([...some]);
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    return answer === undefined ? Promise.resolve(new Map()) : answer(some);
  };
  const ended = runInBulk(
    ids,
    { rows: options.rows ?? 25, concurrency: 1, call },
    {
      stop,
      note: (some, toResult) => {
        for (const id of some) results.set(id, toResult(id));
      },
      wait: async (milliseconds, signal) => {
        waits.push({ seconds: milliseconds / 1000, states: states() });
        options.onWait?.(() => stop.abort());
        signal.throwIfAborted();
      },
    },
  );
  const error = await ended.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { states: states(), results, calls, waits, error };
}

const done: Call = async () => new Map();
const failing =
  (...failures: [string, unknown][]): Call =>
  async () =>
    new Map(failures);
const refused =
  (error: unknown): Call =>
  () =>
    Promise.reject(error);

describe('a bulk run', () => {
  it('sends rows again that the service held up, as waiting meanwhile, and finishes', async () => {
    const { states, calls, waits, error } = await run(
      ['a', 'b', 'c', 'd'],
      [failing(['b', databaseAway], ['c', notFound], ['d', problem(429, 'rate_limited', 7)]), done],
    );
    expect(calls).toEqual([
      ['a', 'b', 'c', 'd'],
      ['b', 'd'],
    ]);
    expect(waits).toEqual([{ seconds: 7, states: { a: 'succeeded', b: 'waiting', c: 'failed', d: 'waiting' } }]);
    expect(states).toEqual({ a: 'succeeded', b: 'succeeded', c: 'failed', d: 'succeeded' });
    expect(error).toBeNull();
  });

  it.each([
    ['a limit', problem(429, 'rate_limited', 3), 3],
    ['a limit that does not say when', problem(429, 'rate_limited'), 1],
    ['a database that is away', databaseAway, 1],
  ])('repeats a call that was refused for %s', async (_, refusal, seconds) => {
    const { states, calls, waits } = await run(['a', 'b'], [refused(refusal), done]);
    expect(calls).toHaveLength(2);
    expect(waits).toEqual([{ seconds, states: { a: 'waiting', b: 'waiting' } }]);
    expect(states).toEqual({ a: 'succeeded', b: 'succeeded' });
  });

  it('waits longer each time, gives up after half a minute, and goes on with the other rows', async () => {
    const { states, results, calls, waits, error } = await run(
      ['a', 'b', 'c'],
      [...Array.from({ length: 6 }, () => failing(['b', databaseAway])), done],
      { rows: 2 },
    );
    expect(waits.map(({ seconds }) => seconds)).toEqual([1, 2, 4, 8, 16]);
    expect(calls).toEqual([['a', 'b'], ['b'], ['b'], ['b'], ['b'], ['b'], ['c']]);
    expect(states).toEqual({ a: 'succeeded', b: 'failed', c: 'succeeded' });
    expect(results.get('b')).toEqual({ state: 'failed', error: databaseAway });
    expect(error).toBeNull();
  });

  it.each([
    ['nothing to wait for', notFound],
    ['too long a wait', problem(429, 'rate_limited', 31)],
    ['no word when to come again', problem(503, 'unexpected_answer')],
    ['a fault of its own', new TypeError('broken')],
  ])('does not repeat a row with %s', async (_, failure) => {
    const { results, calls } = await run(['a'], [failing(['a', failure])]);
    expect(calls).toHaveLength(1);
    expect(results.get('a')).toEqual({ state: 'failed', error: failure });
  });

  it('ends while it waits once somebody stops it, and keeps what was done', async () => {
    const { states, calls, error } = await run(['a', 'b', 'c'], [failing(['b', databaseAway])], {
      rows: 2,
      onWait: (stop) => stop(),
    });
    expect(calls).toEqual([['a', 'b']]);
    expect(states).toEqual({ a: 'succeeded', b: 'stopped', c: 'stopped' });
    expect(error).toBeNull();
  });

  it.each([
    ['a fresh sign-in', problem(403, 'fresh_sign_in_required')],
    ['a session', problem(401, 'unauthenticated')],
    ['the service', ProblemError.ofLostConnection(new TypeError('failed to fetch'))],
  ])('stops where no row can get on without %s', async (_, failure) => {
    const { states, calls, error } = await run(['a', 'b', 'c'], [failing(['b', databaseAway]), refused(failure)], {
      rows: 2,
    });
    expect(calls).toEqual([['a', 'b'], ['b']]);
    expect(states).toEqual({ a: 'succeeded', b: 'stopped', c: 'stopped' });
    expect(error).toBe(failure);
  });

  it('gives several calls at once their own rows', async () => {
    const results = new Map<string, RowResult>();
    const calls: string[] = [];
    await runInBulk(
      ['a', 'b', 'c', 'd'],
      {
        rows: 1,
        concurrency: 3,
        call: async ([id = '']) => {
          calls.push(id);
          return new Map();
        },
      },
      {
        stop: new AbortController(),
        note: (some, toResult) => {
          for (const id of some) results.set(id, toResult(id));
        },
      },
    );
    expect(calls.sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(new Set([...results.values()].map(({ state }) => state))).toEqual(new Set(['succeeded']));
  });
});
