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

/** A token as Meta's token response describes it. Inspection overrides this. */
export interface GrantedToken {
  accessToken: SecretString;
  /** Null: never. `unknown`: not stated, which is common (docs/meta-facts.md#long-lived-user-tokens). */
  expiresAt: TokenExpiry;
  /** Instagram and Threads. Instagram's may be app-scoped; inspection returns the id used in webhooks. */
  metaUserId?: string;
  scopes?: string[];
}

/** Reads every known shape of token response (docs/meta-facts.md#instagram-login). Returns null if it has no token. */
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
