import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ConsoleSession, SignInMethods } from '../api/client.ts';
import { api, unwrap } from '../api/client.ts';
import { isSignedOut } from '../api/problem-error.ts';
import { PUBLIC_PATH } from '../public-path.ts';

export const SESSION_KEY = ['session'] as const;

/** The session of this browser; null: there is none. Asked again when somebody comes back to the tab. */
export function useSessionQuery(): UseQueryResult<ConsoleSession | null> {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }): Promise<ConsoleSession | null> => {
      try {
        return await unwrap(api.GET('/v1/console/sessions/current', { signal }));
      } catch (error) {
        if (isSignedOut(error)) return null;
        throw error;
      }
    },
    staleTime: 0,
    refetchOnWindowFocus: 'always',
  });
}

export function useSignInMethods(): UseQueryResult<SignInMethods> {
  return useQuery({
    queryKey: ['sign-in-methods'],
    queryFn: async ({ signal }) => (await unwrap(api.GET('/v1/console/sign-in', { signal }))).methods,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Signs in by a key; then reads again what the page shows, as whom it is now for. */
export function useKeySignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (key: string) => unwrap(api.POST('/v1/console/sessions', { body: { key } })),
    onSuccess: async (session) => {
      client.setQueryData(SESSION_KEY, session);
      await client.invalidateQueries();
    },
  });
}

/** Ends the session, and leaves nothing of it in the memory of the page. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => unwrap(api.DELETE('/v1/console/sessions/current')),
    onSuccess: ({ sign_out_url }) => window.location.assign(sign_out_url ?? `${PUBLIC_PATH}/console`),
  });
}
