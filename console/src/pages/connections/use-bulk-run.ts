import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { ProblemError } from '../../api/problem-error.ts';
import { type BulkCall, type RowResult, runInBulk } from './bulk-run.ts';

export type BulkAction = 'check' | 'refresh' | 'revoke';

/** Few at once: each calls Meta, whose limits other work needs as well. */
const CONCURRENCY = 3;
/** Per call, which takes about a second, so that progress is visible. */
const REVOKED_AT_ONCE = 25;

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

/** Runs an action, and keeps each connection's result. Starting again continues with those that are not done. */
export function useBulkRun(action: BulkAction) {
  const client = useQueryClient();
  const [results, setResults] = useState<ReadonlyMap<string, RowResult>>(new Map());
  const controller = useRef<AbortController | null>(null);
  const { mutate, isPending, error } = useMutation({
    mutationFn: (ids: readonly string[]) => {
      const stop = new AbortController();
      controller.current = stop;
      const left = ids.filter((id) => results.get(id)?.state !== 'succeeded');
      return runInBulk(left, CALLS[action], {
        stop,
        note: (noted, toResult) =>
          setResults((before) => new Map([...before, ...noted.map((id) => [id, toResult(id)] as const)])),
      });
    },
    // Not awaited: the run is over, and its caller need not wait for the list behind the dialog.
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['connections'] });
    },
  });
  return { results, start: mutate, stop: () => controller.current?.abort(), isPending, error };
}
