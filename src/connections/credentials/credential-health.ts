import { HEALTHS, type Health } from './credential-kind.ts';

/**
 * What happens to a credential. `granted`: Meta gave the token and inspection found it valid. `found_ending`: valid but
 * close to expiry. `unreadable`: the stored token can't be opened. `suspected`: a call failed as if the token were
 * dead. `verification_requested`: an outside signal says that an active connection may have lost its grant.
 */
export type HealthChange =
  | 'granted'
  | 'found_valid'
  | 'found_ending'
  | 'found_dead'
  | 'unreadable'
  | 'suspected'
  | 'verification_requested'
  | 'destroyed';

declare const decided: unique symbol;
/** A health from the transition table. Nothing else may be written to the column. */
export type DecidedHealth = Health & { readonly [decided]: true };

const RESULTS = {
  granted: 'healthy',
  found_valid: 'healthy',
  found_ending: 'expiring',
  found_dead: 'invalid',
  unreadable: 'unknown',
  suspected: 'unknown',
  verification_requested: 'unknown',
  destroyed: 'invalid',
} as const satisfies Readonly<Record<HealthChange, Health>>;

/** A suspected token already known to be invalid stays invalid. Otherwise the earlier health does not matter. */
const TRANSITIONS: Readonly<Record<Health, Readonly<Record<HealthChange, Health>>>> = {
  healthy: RESULTS,
  expiring: RESULTS,
  unknown: RESULTS,
  invalid: { ...RESULTS, suspected: 'invalid' },
};

export function nextHealth(health: Health, change: HealthChange): DecidedHealth {
  return TRANSITIONS[health][change] as DecidedHealth;
}

/** For statements that only see the stored health: what `change` makes of each. */
export function healthsAfter(change: HealthChange): [Health, DecidedHealth][] {
  return HEALTHS.map((health) => [health, nextHealth(health, change)]);
}

/** The change behind a health found by an inspection or failed attempt. */
export const HEALTH_CHANGE_OF: Readonly<Record<Health, HealthChange>> = {
  healthy: 'found_valid',
  expiring: 'found_ending',
  invalid: 'found_dead',
  unknown: 'unreadable',
};
