import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../../api/client.ts';
import { useLiveInterval } from '../../api/use-live-interval.ts';
import type { Connection } from '../../components/connection-summary.ts';

/** Everything shown about one connection is cached under this key. */
export const connectionKey = (id: string) => ['connection', id] as const;

export function useConnection(id: string): UseQueryResult<Connection> {
  return useQuery({
    queryKey: connectionKey(id),
    queryFn: ({ signal }) => unwrap(api.GET('/v1/connections/{id}', { params: { path: { id } }, signal })),
    refetchInterval: useLiveInterval(),
  });
}

/** Performs an action on the connection; then reads everything shown about it again. */
export function useConnectionAction<Input, Result>(id: string, act: (input: Input) => Promise<Result>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: connectionKey(id) }),
        client.invalidateQueries({ queryKey: ['connections'] }),
      ]);
    },
  });
}
