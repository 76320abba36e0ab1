import { addSeconds } from '../../platform/clock.ts';
import type { CredentialKind } from './credential-kind.ts';
import { credentialKindRules } from './credential-kind-rules.ts';

/** Each credential is inspected this often. */
export const CHECK_INTERVAL_SECONDS = 24 * 60 * 60;

export interface CredentialLife {
  kind: CredentialKind;
  issuedAt: Date | null;
  /** When the version was stored here: what stands for `issuedAt` where Meta does not tell it. */
  storedAt: Date;
  /** Null: never, or unknown for kinds that always expire (Instagram, Threads). */
  expiresAt: Date | null;
}

/**
 * From when on a credential is renewed (CONTRACT 6.1), or null where that is never done by itself: page tokens are derived
 * after their user token, tokens without an end have nothing to renew.
 */
export function computeRefreshAfter(life: CredentialLife, beforeExpirySeconds: number): Date | null {
  const rules = credentialKindRules(life.kind);
  if (rules.isDerived) return null;
  const ahead = life.expiresAt === null ? null : addSeconds(life.expiresAt, -beforeExpirySeconds);
  if (!rules.alwaysExpires) return ahead;
  const oldEnough = addSeconds(life.issuedAt ?? life.storedAt, rules.minRefreshAgeSeconds);
  return ahead === null || ahead < oldEnough ? oldEnough : ahead;
}
