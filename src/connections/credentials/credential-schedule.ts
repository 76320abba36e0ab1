import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import type { CredentialKind } from './credential-kind.ts';

/** Instagram and Threads renew no token that is younger (META.md 7, 9). */
export const MIN_REFRESH_AGE_SECONDS = DAY_SECONDS;

/** Each credential is inspected this often. */
export const CHECK_INTERVAL_SECONDS = DAY_SECONDS;

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
  const ahead = life.expiresAt === null ? null : addSeconds(life.expiresAt, -beforeExpirySeconds);
  switch (life.kind) {
    case 'page':
      return null;
    case 'user':
    case 'system_user':
      return ahead;
    case 'instagram_user':
    case 'threads_user': {
      const oldEnough = addSeconds(life.issuedAt ?? life.storedAt, MIN_REFRESH_AGE_SECONDS);
      return ahead === null || ahead < oldEnough ? oldEnough : ahead;
    }
  }
}
