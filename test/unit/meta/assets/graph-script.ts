import type { ListingToken } from '../../../../src/meta/assets/business-api.ts';
import { graphError, type ScriptedResponse, type SentRequest, scriptedMeta, TOKEN } from '../scripted-meta.ts';

type Route = ScriptedResponse | ((request: SentRequest) => ScriptedResponse);

/** A Meta with these paths below the version (a single read's path is its id). Rejects all others as unknown. */
export function graphOf(routes: Readonly<Record<string, Route>>) {
  return scriptedMeta((request) => {
    const route = routes[request.url.pathname.replace(/^\/v\d+\.\d+/, '')];
    if (route === undefined) return graphError(100, 33);
    return typeof route === 'function' ? route(request) : route;
  });
}

/** A page of a list; with `after` there is another one. */
export function listOf(data: unknown[], after?: string): ScriptedResponse {
  const next = `https://graph.test/v25.0/42/accounts?access_token=${TOKEN.expose()}&limit=25&after=X`;
  const paging = { cursors: { before: 'b', after: after ?? 'end' }, ...(after === undefined ? {} : { next }) };
  return { body: { data, paging } };
}

/** Answers `?ids=` with these objects, or with an error if one of the ids is unknown. */
export function objectsOf(objects: Readonly<Record<string, object>>) {
  return (request: SentRequest): ScriptedResponse => {
    const ids = (request.url.searchParams.get('ids') ?? '').split(',');
    if (ids.some((id) => objects[id] === undefined)) return graphError(803);
    return { body: Object.fromEntries(ids.map((id) => [id, objects[id]])) };
  };
}

export function listingToken(more: Partial<ListingToken> = {}): ListingToken {
  return { kind: 'user', token: TOKEN, scopes: [], granularScopes: [], ...more };
}

export async function noProgress(): Promise<void> {}

/** Paths below the version, with the ids of bulk reads. */
export function pathsOf(sent: readonly SentRequest[]): string[] {
  return sent.map(({ url }) => {
    const ids = url.searchParams.get('ids');
    return url.pathname.replace(/^\/v\d+\.\d+/, '') + (ids === null ? '' : `?ids=${ids}`);
  });
}
