import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../api/client.ts';
import { walkPages } from '../api/walk-pages.ts';
import { useCanChange } from '../session/use-session.ts';

const PAGE_SIZE = 200;
const STALE_MS = 60_000;

/** Returns a client's name, or its id if the user may not list clients or the client was deleted. */
export function useClientNames(): (clientId: string) => string {
  const { data } = useQuery({
    queryKey: ['client-names'],
    queryFn: async ({ signal }) => {
      const names = new Map<string, string>();
      const pages = walkPages((cursor) =>
        unwrap(api.GET('/v1/clients', { params: { query: { limit: PAGE_SIZE, cursor } }, signal })),
      );
      for await (const page of pages) for (const { id, name } of page) names.set(id, name);
      return names;
    },
    enabled: useCanChange(),
    staleTime: STALE_MS,
  });
  return (clientId) => data?.get(clientId) ?? clientId;
}
