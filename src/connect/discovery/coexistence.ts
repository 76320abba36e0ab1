import type { PhoneCoexistence } from '../../connections/assets/phone-coexistence.ts';
import type { PhoneNumber } from '../../meta/assets/discovery-responses.ts';
import { COEXISTENCE_FEATURE, COEXISTENCE_FINISHED } from '../../meta/dialog/embedded-signup.ts';
import type { AuthorizationHints } from '../authorization-hints.ts';
import type { DiscoveryInput } from './discovery.ts';

/**
 * Decides whether a number is in use in the WhatsApp Business app: as Meta says, else as the signup ended, else as the
 * session asked. Undefined: no evidence either way.
 */
export function coexistenceOf(
  { id, isOnBizApp }: Pick<PhoneNumber, 'id' | 'isOnBizApp'>,
  wabaId: string,
  { hints, isInteractive }: Pick<DiscoveryInput, 'hints' | 'isInteractive'>,
): PhoneCoexistence | undefined {
  const isOnboarded = isCoexistenceSignup(hints) && isNamed(id, wabaId, hints);
  if (isOnBizApp === false) return { isOnBusinessApp: false, signup: 'unknown' };
  if (isOnBizApp === null && !isOnboarded) return undefined;
  const isConfirmed = isOnboarded && hints.event !== undefined;
  const isAssumed = isOnboarded || (isInteractive && !hints.isGiven);
  return { isOnBusinessApp: true, signup: isConfirmed ? 'confirmed' : isAssumed ? 'assumed' : 'unknown' };
}

/** A user may choose a flow other than the one the session asked for; the event shows which. */
function isCoexistenceSignup({ event, featureType }: AuthorizationHints): boolean {
  return event === undefined ? featureType === COEXISTENCE_FEATURE : event === COEXISTENCE_FINISHED;
}

/** Coexistence signups may end without a number id. */
function isNamed(phoneNumberId: string, wabaId: string, hints: AuthorizationHints): boolean {
  if (hints.phoneNumberId !== undefined) return hints.phoneNumberId === phoneNumberId;
  return hints.wabaId === undefined || hints.wabaId === wabaId;
}
