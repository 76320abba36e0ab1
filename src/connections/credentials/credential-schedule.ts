import type { Config } from '../../config/config.ts';
import { addSeconds } from '../../platform/clock.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../../platform/duration.ts';
import type { CredentialKind } from './credential-kind.ts';
import { credentialKindRules } from './credential-kind-rules.ts';

/** How often each credential is inspected. */
export const CHECK_INTERVAL_SECONDS = DAY_SECONDS;

/** Inspections this late were delayed together, such as by an outage. */
export const LATE_CHECK_SECONDS = 3 * HOUR_SECONDS;

export interface CredentialLife {
  kind: CredentialKind;
  issuedAt: Date | null;
  /** When the version was stored here. Replaces `issuedAt` if Meta does not give one. */
  storedAt: Date;
  /** Null: never, or unknown for kinds that always expire (Instagram, Threads). */
  expiresAt: Date | null;
}

/** Settings that decide when tokens are replaced. */
export type RefreshSettings = Pick<Config, 'refreshBeforeExpirySeconds' | 'rotateSystemUsersDays'>;

/**
 * When a credential may be refreshed, or rotated if its token never expires. Null if neither happens automatically:
 * Page tokens follow their user token, and other tokens without an expiry stay as they are.
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

/** In about a day, with jitter, so that tokens connected together drift apart. */
export function nextCheckAt(now: Date, fraction: number): Date {
  return addSeconds(now, CHECK_INTERVAL_SECONDS * (0.9 + fraction / 10));
}

/**
 * The first inspection after a grant, spread over half a day so that accounts connected together are not inspected
 * together.
 */
export function firstCheckAt(now: Date, fraction: number): Date {
  return addSeconds(now, CHECK_INTERVAL_SECONDS * (0.5 + fraction / 2));
}

/** Spreads inspections delayed by an outage over the next day, except its first hours. */
export function spreadCheckAt(now: Date, fraction: number): Date {
  return addSeconds(now, CHECK_INTERVAL_SECONDS * (0.25 + fraction * 0.75));
}
