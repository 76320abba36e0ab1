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

const CALLS: Readonly<Record<BulkAction, (id: string) => Promise<unknown>>> = {
  check: (id) => unwrap(api.POST('/v1/connections/{id}/check', { params: { path: { id } } })),
  refresh: (id) => unwrap(api.POST('/v1/connections/{id}/refresh', { params: { path: { id } } })),
  revoke: (id) => unwrap(api.DELETE('/v1/connections/{id}', { params: { path: { id } } })),
};

/**
 * Does the same to many connections and keeps each one's result. A failed row does not hold up the others; the end of
 * the session does, and starting again goes on with those that are not done.
 */
export function useBulkRun(action: BulkAction) {
  const client = useQueryClient();
  const [results, setResults] = useState<ReadonlyMap<string, RowResult>>(new Map());
  const controller = useRef<AbortController | null>(null);
  const note = (id: string, result: RowResult): void => setResults((before) => new Map(before).set(id, result));
  const { mutate, isPending, error, isSuccess } = useMutation({
    mutationFn: async (ids: readonly string[]) => {
      const stop = new AbortController();
      controller.current = stop;
      const waiting = ids.filter((id) => results.get(id)?.state !== 'succeeded');
      for (const id of waiting) note(id, { state: 'waiting' });
      const work = async (): Promise<void> => {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
          const row = id;
          if (stop.signal.aborted) {
            note(row, { state: 'stopped' });
            continue;
          }
          note(row, { state: 'running' });
          await callPatiently(() => CALLS[action](row), stop.signal).then(
            () => note(row, { state: 'succeeded' }),
            (failure: unknown) => {
              if (stop.signal.aborted) return note(row, { state: 'stopped' });
              note(row, { state: 'failed', error: failure });
              if (!holdsUpAll(failure)) return;
              stop.abort();
              throw failure;
            },
          );
        }
      };
      const ends = await Promise.allSettled(Array.from({ length: CONCURRENCY }, work));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['connections'] }),
  });
  return { results, start: mutate, stop: () => controller.current?.abort(), isPending, isSuccess, error };
}

/** Whether no other row would fare better: somebody has to sign in first. */
function holdsUpAll(error: unknown): boolean {
  return error instanceof ProblemError && (error.status === 401 || error.code === 'fresh_sign_in_required');
}
