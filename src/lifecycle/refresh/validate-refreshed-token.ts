import type { CredentialSnapshot, PendingVersion } from '../../connections/credentials/credential-snapshot.ts';
import type { VerifiedVersion } from '../../connections/credentials/promotion-records.ts';
import { missingScopesOfToken } from '../../meta/dialog/product-scopes.ts';
import type { InspectionResult } from '../../meta/tokens/inspection-result.ts';
import { tokenKind } from '../../meta/tokens/token-kinds.ts';
import { addSeconds } from '../../platform/clock.ts';
import { FAILURES, type RefreshRejectionCode } from '../failures/failure-codes.ts';

type RefreshedTokenValidation =
  | { kind: 'promote'; version: VerifiedVersion }
  /** It lacks scopes: the old token's current scopes show whether the user withdrew them. */
  | { kind: 'inspect_old_token' }
  | { kind: 'reject'; code: RefreshRejectionCode; detail: string };

export interface RefreshedTokenFacts {
  old: CredentialSnapshot;
  pending: Pick<PendingVersion, 'expiresAt' | 'scopes'>;
  isSameToken: boolean;
  /** Requested: a different token that ends no sooner is enough, because right after a refresh none ends later. */
  isForced?: boolean;
  /** From a rotation: it need not end later. `mayExpire`: whether it may expire if the old one does not. */
  rotation?: { mayExpire: boolean } | null;
  inspection: InspectionResult;
  /** Current scopes of the old token; null if it is dead, undefined if not inspected yet. */
  oldScopesNow?: readonly string[] | null;
}

/** `expires_in` is relative to the response, so the same expiry reported twice differs by network delays. */
const SAME_TOKEN_SLACK_SECONDS = 60;
const SLACK_SECONDS = 2;

/**
 * Decides whether a refreshed token may replace the old one: same app, same user, valid, later expiry, and all current
 * scopes of the old one. Page tokens that never expire need no later expiry: they are derived because their user token
 * changed.
 */
export function validateRefreshedToken(facts: RefreshedTokenFacts): RefreshedTokenValidation {
  const { old, inspection } = facts;
  if (!inspection.valid) {
    return inspection.reason === 'dead'
      ? reject('renewal_invalid')
      : reject('renewal_other_app', 'Meta returned a token that does not belong to our app; the old one stays in use.');
  }
  if (inspection.appId !== null && inspection.appId !== old.appId) {
    return reject('renewal_other_app');
  }
  const owner = tokenKind(old.kind).speaksForPage ? old.metaUserId : old.subjectId;
  if (inspection.subjectId !== old.subjectId || (inspection.userId !== owner && inspection.userId !== old.subjectId)) {
    return reject('renewal_other_user');
  }
  const expiresAt = inspection.expiresAt === 'unknown' ? facts.pending.expiresAt : inspection.expiresAt;
  if (facts.rotation != null) {
    if (expiresAt !== null && !facts.rotation.mayExpire) return reject('rotation_expires');
  } else if (!hasLongerLifetime(facts, expiresAt)) {
    return reject('renewal_no_longer_life');
  }
  return validateScopes(facts, inspection, expiresAt);
}

function validateScopes(
  { old, pending, oldScopesNow }: RefreshedTokenFacts,
  inspection: Extract<InspectionResult, { valid: true }>,
  expiresAt: Date | null,
): RefreshedTokenValidation {
  const scopes = inspection.scopes ?? pending.scopes ?? old.scopes;
  const missing = old.scopes.filter((scope) => !scopes.includes(scope));
  // Hosts that don't report scopes don't report the old token's either: trust the response.
  if (missing.length > 0 && inspection.scopes !== null) {
    if (oldScopesNow === undefined) return { kind: 'inspect_old_token' };
    if (missing.some((scope) => oldScopesNow?.includes(scope))) {
      return reject('renewal_fewer_scopes');
    }
  }
  const { reportsDataAccess, isDerived } = tokenKind(old.kind);
  const dataAccess = reportsDataAccess && !isDerived ? { dataAccessExpiresAt: inspection.dataAccessExpiresAt } : {};
  const reported = inspection.scopes ?? pending.scopes;
  const missingScopesPatch =
    reported === null ? {} : { missingScopes: missingScopesOfToken(old.product, old.kind, reported) };
  return {
    kind: 'promote',
    version: {
      scopes,
      lostScopes: missing,
      ...missingScopesPatch,
      issuedAt: inspection.issuedAt,
      expiresAt,
      ...dataAccess,
    },
  };
}

/** Null: never, or unknown for Instagram and Threads, where a different token is a refreshed one. */
function hasLongerLifetime(
  { old, isSameToken, isForced = false }: RefreshedTokenFacts,
  expiresAt: Date | null,
): boolean {
  if (expiresAt === null) return !isSameToken;
  if (old.expiresAt === null) return tokenKind(old.kind).alwaysExpires;
  if (isForced && !isSameToken) return expiresAt >= addSeconds(old.expiresAt, -SLACK_SECONDS);
  return expiresAt > addSeconds(old.expiresAt, isSameToken ? SAME_TOKEN_SLACK_SECONDS : SLACK_SECONDS);
}

function reject(code: RefreshRejectionCode, detail = FAILURES[code].detail): RefreshedTokenValidation {
  return { kind: 'reject', code, detail };
}
