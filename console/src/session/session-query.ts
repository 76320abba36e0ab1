import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ConsoleSession, SignInMethods } from '../api/client.ts';
import { api, unwrap } from '../api/client.ts';
import { isSignedOut } from '../api/problem-error.ts';
import { PUBLIC_PATH } from '../public-path.ts';

export const SESSION_KEY = ['session'] as const;

/** The session of this browser; null: there is none. Checked again when the user returns to the tab. */
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

/** Signs in with a key; then reads the page's data again, because the user may be another one. */
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

/** Ends the session, and removes everything of it from the page's memory. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => unwrap(api.DELETE('/v1/console/sessions/current')),
    onSuccess: ({ sign_out_url }) => window.location.assign(sign_out_url ?? `${PUBLIC_PATH}/console`),
  });
}
