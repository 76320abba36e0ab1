import { type QueryKey, type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query';
import { useNotice } from '../components/use-notice.tsx';

/**
 * Does something by the API; then what is kept under `changes` is read again, and `done` says what was done. What it
 * answered is not kept longer than it is shown, as it may hold a key.
 */
export function useChange<Input, Result>(
  act: (input: Input) => Promise<Result>,
  { changes, done }: { changes: readonly QueryKey[]; done?: (result: Result, input: Input) => string },
): UseMutationResult<Result, Error, Input> {
  const client = useQueryClient();
  const notify = useNotice();
  return useMutation({
    mutationFn: act,
    gcTime: 0,
    onSuccess: (result, input) => {
      if (done !== undefined) notify(done(result, input));
    },
    onSettled: () => Promise.all(changes.map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}
