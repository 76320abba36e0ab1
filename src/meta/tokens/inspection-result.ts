import type { TokenKind } from '../../config/products.ts';
import type { MetaCause } from '../../platform/problem.ts';
import { classifyError, classifyInvalidToken, type MetaVerdict } from '../errors/classify-error.ts';
import { readInspectionError, toMetaCause } from '../errors/graph-error.ts';
import {
  asObject,
  field,
  type Json,
  type JsonObject,
  objectsOf,
  readId,
  readStringList,
  readText,
} from '../graph/lossless-json.ts';
import { readExpiry, type TokenExpiry } from './token-expiry.ts';
import { tokenKind, tokenKinds } from './token-kinds.ts';

/** Meta says that the token works. */
export interface ValidInspection {
  valid: true;
  /** Null where the host does not say (Instagram, Threads' `/me`). */
  appId: string | null;
  kind: TokenKind;
  /** The id of the user or system user; Instagram: the 1784… id that webhooks use. */
  userId: string;
  /** Instagram: the user's app-scoped id, where Meta also returned that; signed_requests may use it (META.md 7). */
  appScopedUserId?: string;
  /** The page's id for page tokens, else `userId`. */
  subjectId: string;
  /** Where the response had a name (Instagram, Threads: the user name). */
  subjectName: string | null;
  /** Null: the host does not report scopes. That is not a loss of scopes. */
  scopes: string[] | null;
  /** `targetIds` null: holds for all objects. */
  granularScopes: { scope: string; targetIds: string[] | null }[];
  issuedAt: Date | null;
  /** Null: never. */
  expiresAt: TokenExpiry;
  /** Null: no limit, or none reported. */
  dataAccessExpiresAt: Date | null;
}

/** Meta says that the token is dead: `is_valid: false`, or 190 by `/me` of Instagram and Threads. Confirmed (CONTRACT 6.1). */
export interface DeadTokenInspection {
  valid: false;
  reason: 'dead';
  verdict: Extract<MetaVerdict, { kind: 'dead' }>;
  meta: MetaCause;
}

/** Not a token of our app. Says nothing of its life. `appId` null: Meta does not say whose. */
interface ForeignTokenInspection {
  valid: false;
  reason: 'foreign_app';
  appId: string | null;
}

/** An app token, which is no user's credential. */
interface AppTokenInspection {
  valid: false;
  reason: 'not_a_credential';
}

export type InspectionResult = ValidInspection | DeadTokenInspection | ForeignTokenInspection | AppTokenInspection;

const KINDS = new Map(
  tokenKinds().flatMap(({ debugTokenType, kind }) =>
    debugTokenType === null ? [] : [[debugTokenType, kind] as const],
  ),
);

/**
 * A debug_token response (META.md 4). Returns a verdict that is not about the token (a passing fault inside `data.error`) as it is,
 * and null where the response cannot be parsed: neither is a result.
 */
export function readDebugToken(
  body: Json,
  expected: { appIds: readonly string[]; kind: TokenKind | 'unknown' },
): InspectionResult | { unrelatedVerdict: MetaVerdict; meta: MetaCause } | null {
  const outer = asObject(body);
  const data = asObject(field(outer, 'data')) ?? outer;
  const isValid = field(data, 'is_valid');
  if (data === null || typeof isValid !== 'boolean') return null;
  const appId = readId(data, 'app_id');
  if (appId !== null && !expected.appIds.includes(appId)) return { valid: false, reason: 'foreign_app', appId };
  if (!isValid) return readInvalidToken(data);
  const type = readText(data, 'type');
  if (type === 'APP') return { valid: false, reason: 'not_a_credential' };
  const userId = readId(data, 'user_id') ?? readId(data, 'profile_id');
  // Recordings of 2014 show app tokens with app_id and is_valid only.
  if (userId === null) return appId === null ? null : { valid: false, reason: 'not_a_credential' };
  return readValidToken(data, appId, userId, expected.kind);
}

function readValidToken(
  data: JsonObject,
  appId: string | null,
  userId: string,
  expected: TokenKind | 'unknown',
): ValidInspection {
  const profileId = readId(data, 'profile_id');
  const reportedKind = KINDS.get(readText(data, 'type') ?? '');
  const isTypeReported = expected === 'unknown' || tokenKind(expected).debugTokenType !== null;
  const kind = isTypeReported ? (reportedKind ?? (profileId === null ? 'user' : 'page')) : expected;
  const issuedAt = readExpiry(field(data, 'issued_at'));
  const dataAccess = readExpiry(field(data, 'data_access_expires_at'));
  return {
    valid: true,
    appId,
    kind,
    userId,
    subjectId: tokenKind(kind).speaksForPage ? (profileId ?? userId) : userId,
    subjectName: null,
    scopes: readStringList(data, 'scopes'),
    granularScopes: objectsOf(field(data, 'granular_scopes')).flatMap((item) => {
      const scope = readText(item, 'scope');
      return scope === null ? [] : [{ scope, targetIds: readStringList(item, 'target_ids') }];
    }),
    issuedAt: issuedAt === 'unknown' ? null : issuedAt,
    expiresAt: readExpiry(field(data, 'expires_at')),
    dataAccessExpiresAt: dataAccess === 'unknown' ? null : dataAccess,
  };
}

function readInvalidToken(data: JsonObject): DeadTokenInspection | { unrelatedVerdict: MetaVerdict; meta: MetaCause } {
  const error = readInspectionError(data);
  const meta = toMetaCause(error);
  const verdict = classifyInvalidToken(error === null ? null : classifyError({ httpStatus: 400, ...error }));
  return verdict.kind === 'dead'
    ? { valid: false, reason: 'dead', verdict, meta }
    : { unrelatedVerdict: verdict, meta };
}
