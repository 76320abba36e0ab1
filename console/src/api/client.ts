import createClient from 'openapi-fetch';
import type { components, paths } from '../../../clients/typescript/src/schema.ts';
import { PUBLIC_PATH } from '../public-path.ts';
import { ProblemError } from './problem-error.ts';

export type Schemas = components['schemas'];
export type ConsoleSession = Schemas['ConsoleSessionResponse'];
export type SignInMethods = Schemas['SignInMethodsResponse'];

/** The service's API, authenticated by the session cookie. Typed by docs/openapi.json. */
export const api = createClient<paths>({ baseUrl: `${PUBLIC_PATH}/`, credentials: 'same-origin' });

/** Returns the body of a response. Throws `ProblemError` if the call was refused or got no response. */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    throw cause instanceof DOMException && cause.name === 'AbortError' ? cause : ProblemError.ofLostConnection(cause);
  });
  if (!response.ok) throw ProblemError.ofResponse(response, error);
  return data as T;
}
