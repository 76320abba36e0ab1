import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { isSignedOut, ProblemError } from './problem-error.ts';

const MAX_RETRIES = 2;

/** Caches reads. `onSignedOut` is called for each call that was refused because the session has ended. */
export function createQueryClient(onSignedOut: () => void): QueryClient {
  const onError = (error: unknown): void => {
    if (isSignedOut(error)) onSignedOut();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        refetchIntervalInBackground: false,
        retry: (failures, error) => failures < MAX_RETRIES && isTransient(error),
      },
      mutations: { networkMode: 'always' },
    },
  });
}

/** Whether the same read may succeed a moment later. */
function isTransient(error: unknown): boolean {
  return error instanceof ProblemError && (error.status === null || error.status === 429 || error.status >= 500);
}
