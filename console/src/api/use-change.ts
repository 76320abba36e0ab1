import { type QueryKey, type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query';
import { useNotice } from '../components/use-notice.tsx';

/**
 * Changes something through the API; then reads the data cached under `changes` again, and reports `done`. The response
 * is not kept longer than it is shown, because it may hold a key.
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
