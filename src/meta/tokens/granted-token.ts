import { SecretString } from '../../platform/secret-string.ts';
import type { GraphResponse } from '../graph/graph-transport.ts';
import {
  asObject,
  field,
  type JsonObject,
  objectsOf,
  readId,
  readStringList,
  readText,
} from '../graph/lossless-json.ts';
import { readTokenExpiry, type TokenExpiry } from './token-expiry.ts';

/** A token from Meta, by its token response; inspection is authoritative. */
export interface GrantedToken {
  accessToken: SecretString;
  /** Null: never. `unknown`: not said, which is common (META.md 3). */
  expiresAt: TokenExpiry;
  /** Instagram, Threads. Instagram's may be the app-scoped id; inspection gives the one that webhooks name. */
  metaUserId?: string;
  scopes?: string[];
}

/** All recorded token responses: flat, `data: [{…}]`, ids as numbers, `permissions` as list or string (META.md 7). Null: no token in it. */
export function readGrantedToken(response: GraphResponse, now: Date): GrantedToken | null {
  const outer = asObject(response.json);
  const body: JsonObject | null = objectsOf(field(outer, 'data'))[0] ?? outer;
  const token = readText(body, 'access_token');
  if (body === null || token === null) return null;
  const metaUserId = readId(body, 'user_id');
  const scopes = readStringList(body, 'permissions');
  return {
    accessToken: new SecretString(token),
    expiresAt: readTokenExpiry(body, now),
    ...(metaUserId === null ? {} : { metaUserId }),
    ...(scopes === null ? {} : { scopes }),
  };
}
