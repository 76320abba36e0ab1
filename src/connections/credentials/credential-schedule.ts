import type { Config } from '../../config/config.ts';
import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../../platform/duration.ts';
import type { CredentialKind } from './credential-kind.ts';
import { credentialKindRules } from './credential-kind-rules.ts';

/** Each credential is inspected this often. */
export const CHECK_INTERVAL_SECONDS = DAY_SECONDS;

/** An inspection that is this late waited for something that others waited for too. */
export const LATE_CHECK_SECONDS = 3 * HOUR_SECONDS;

export interface CredentialLife {
  kind: CredentialKind;
  issuedAt: Date | null;
  /** When the version was stored here: what stands for `issuedAt` where Meta does not say it. */
  storedAt: Date;
  /** Null: never, or unknown for kinds that always expire (Instagram, Threads). */
  expiresAt: Date | null;
}

/** The settings that decide when tokens are replaced. */
export type RefreshSettings = Pick<Config, 'refreshBeforeExpirySeconds' | 'rotateSystemUsersDays'>;

/**
 * From when on a credential is refreshed, or rotated where its token has no end; null where neither is done by itself: page tokens are
 * derived after their user token, and other tokens without an end stay as they are.
 */
export function computeRefreshAfter(
  life: CredentialLife,
  { refreshBeforeExpirySeconds, rotateSystemUsersDays }: RefreshSettings,
): Date | null {
  const rules = credentialKindRules(life.kind);
  if (rules.isDerived) return null;
  if (rules.isRotatable && life.expiresAt === null && rotateSystemUsersDays !== null)
    return addSeconds(life.issuedAt ?? life.storedAt, rotateSystemUsersDays * DAY_SECONDS);
  const ahead = life.expiresAt === null ? null : addSeconds(life.expiresAt, -refreshBeforeExpirySeconds);
  if (!rules.alwaysExpires) return ahead;
  const oldEnough = addSeconds(life.issuedAt ?? life.storedAt, rules.minRefreshAgeSeconds);
  return ahead === null || ahead < oldEnough ? oldEnough : ahead;
}

/** A day on, less a little chance, so that what was connected together is not inspected together for ever. */
export function nextCheckAt(now: Date, fraction: number): Date {
  return addSeconds(now, CHECK_INTERVAL_SECONDS * (0.9 + fraction / 10));
}

/** The first inspection after a grant, spread over the day: accounts that were connected together are not inspected together. */
export function firstCheckAt(now: Date, fraction: number): Date {
  return addSeconds(now, CHECK_INTERVAL_SECONDS * (0.5 + fraction / 2));
}

/** After an outage all that waited is inspected together: over the next day, but for its first hours, it is spread again. */
export function spreadCheckAt(now: Date, fraction: number): Date {
  return addSeconds(now, CHECK_INTERVAL_SECONDS * (0.25 + fraction * 0.75));
}
