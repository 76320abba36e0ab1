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
  /** Null if the host does not say (Instagram, Threads' `/me`). */
  appId: string | null;
  kind: TokenKind;
  /** Id of the user or system user. Instagram: the 1784… id used in webhooks. */
  userId: string;
  /** Instagram: the app-scoped id, if returned. Signed requests may use it (docs/meta-facts.md#signed-requests). */
  appScopedUserId?: string;
  /** The Page's id for Page tokens, else `userId`. */
  subjectId: string;
  /** The username of Instagram and Threads; null elsewhere. */
  subjectName: string | null;
  /** Null: the host does not report scopes, which is not a loss of scopes. */
  scopes: string[] | null;
  /** `targetIds` null: applies to all objects. */
  granularScopes: { scope: string; targetIds: string[] | null }[];
  issuedAt: Date | null;
  /** Null: never. */
  expiresAt: TokenExpiry;
  /** Null: no limit, or none reported. */
  dataAccessExpiresAt: Date | null;
}

/** Confirmed dead: `is_valid: false`, or a 190 from `/me` of Instagram or Threads (docs/meta-facts.md#code-190). */
export interface DeadTokenInspection {
  valid: false;
  reason: 'dead';
  verdict: Extract<MetaVerdict, { kind: 'dead' }>;
  meta: MetaCause;
}

/** A token of another app, alive or not. `appId` null: Meta does not say whose. */
interface ForeignTokenInspection {
  valid: false;
  reason: 'foreign_app';
  appId: string | null;
}

/** An app token, not a user's credential. */
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
 * Reads a debug_token response (docs/meta-facts.md#token-inspection). Returns `unrelatedVerdict` if `data.error` is not
 * about the token, such as a temporary fault, and null for an unreadable response.
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
  // In recordings of 2014 app tokens have only app_id and is_valid.
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
