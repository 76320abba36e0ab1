import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { callPatiently } from '../../api/patient-call.ts';
import { ProblemError } from '../../api/problem-error.ts';

export type BulkAction = 'check' | 'refresh' | 'revoke';
export type RowResult =
  | { state: 'waiting' | 'running' | 'succeeded' | 'stopped' }
  | { state: 'failed'; error: unknown };

/** Few at a time: each asks Meta, whose limits others need, too. */
const CONCURRENCY = 3;
/** In one call, which takes about a second, so that progress shows. */
const REVOKED_AT_ONCE = 25;

/** How one call does its part of the rows. Returns what kept it from those that failed. */
interface BulkCall {
  rows: number;
  concurrency: number;
  call: (ids: readonly string[]) => Promise<ReadonlyMap<string, unknown>>;
}

const one = (call: (id: string) => Promise<unknown>): BulkCall => ({
  rows: 1,
  concurrency: CONCURRENCY,
  call: async ([id = '']) => {
    await call(id);
    return new Map();
  },
});

const CALLS: Readonly<Record<BulkAction, BulkCall>> = {
  check: one((id) => unwrap(api.POST('/v1/connections/{id}/check', { params: { path: { id } } }))),
  refresh: one((id) => unwrap(api.POST('/v1/connections/{id}/refresh', { params: { path: { id } } }))),
  revoke: {
    rows: REVOKED_AT_ONCE,
    concurrency: 1,
    call: async (ids) => {
      const { results } = await unwrap(api.POST('/v1/connections/revoke', { body: { ids: [...ids] } }));
      return new Map(
        results.flatMap((result, index) =>
          'problem' in result ? [[ids[index] ?? '', ProblemError.ofProblem(result.problem)] as const] : [],
        ),
      );
    },
  },
};

/**
 * Does the same to many connections and keeps each one's result. A failed row does not hold up the others; the end of
 * the session does, and starting again goes on with those that are not done.
 */
export function useBulkRun(action: BulkAction) {
  const client = useQueryClient();
  const [results, setResults] = useState<ReadonlyMap<string, RowResult>>(new Map());
  const controller = useRef<AbortController | null>(null);
  const note = (ids: readonly string[], toResult: (id: string) => RowResult): void =>
    setResults((before) => new Map([...before, ...ids.map((id) => [id, toResult(id)] as const)]));
  const { mutate, isPending, error } = useMutation({
    mutationFn: async (ids: readonly string[]) => {
      const stop = new AbortController();
      controller.current = stop;
      const { rows, concurrency, call } = CALLS[action];
      const waiting = ids.filter((id) => results.get(id)?.state !== 'succeeded');
      note(waiting, () => ({ state: 'waiting' }));
      const work = async (): Promise<void> => {
        for (let part = waiting.splice(0, rows); part.length > 0; part = waiting.splice(0, rows)) {
          if (stop.signal.aborted) {
            note(part, () => ({ state: 'stopped' }));
            continue;
          }
          const some = part;
          note(some, () => ({ state: 'running' }));
          try {
            const failures = await callPatiently(() => call(some), stop.signal);
            note(some, (id) =>
              failures.has(id) ? { state: 'failed', error: failures.get(id) } : { state: 'succeeded' },
            );
          } catch (failure) {
            const isHeldUp = stop.signal.aborted || holdsUpAll(failure);
            note(some, () => (isHeldUp ? { state: 'stopped' } : { state: 'failed', error: failure }));
            if (stop.signal.aborted || !isHeldUp) continue;
            stop.abort();
            note(waiting.splice(0), () => ({ state: 'stopped' }));
            throw failure;
          }
        }
      };
      const ends = await Promise.allSettled(Array.from({ length: concurrency }, work));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['connections'] }),
  });
  return { results, start: mutate, stop: () => controller.current?.abort(), isPending, error };
}

/** Whether no other row would fare better: somebody has to sign in first, or the service is away. */
function holdsUpAll(error: unknown): boolean {
  if (!(error instanceof ProblemError)) return false;
  return error.status === null || error.status === 401 || error.code === 'fresh_sign_in_required';
}
