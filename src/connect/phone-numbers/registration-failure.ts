import type { RegistrationFailure } from '../../connections/assets/phone-registration.service.ts';
import type { MetaError } from '../../meta/errors/meta-error.ts';

interface FailureMessage {
  detail: string;
  remedy: string;
}

const REGISTER_AGAIN = 'register it again with POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register';

/** By Meta's code (docs/meta-facts.md#error-codes, and Meta's reference of the edge `register`). */
const MESSAGES_BY_CODE = new Map<number, FailureMessage>([
  [
    133000,
    {
      detail: 'An earlier deregistration of the number did not finish.',
      remedy: `Deregister the number at Meta first, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    133005,
    {
      detail: "The pin does not match the number's two-step verification pin.",
      remedy: `Ask the owner for the pin, or have it reset in WhatsApp Manager, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    133006,
    {
      detail: 'Meta requires the number to be verified again first.',
      remedy: `Verify the number in WhatsApp Manager with the code that Meta sends, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    133008,
    {
      detail: 'Too many wrong pins: Meta blocks further tries for this number for a while.',
      remedy: `Wait as long as WhatsApp Manager says, then ${REGISTER_AGAIN} with the right pin.`,
    },
  ],
  [
    133009,
    {
      detail: 'Pins were tried too quickly.',
      remedy: `Wait a few minutes, then ${REGISTER_AGAIN} with the right pin.`,
    },
  ],
  [
    133015,
    {
      detail: 'The number was just deregistered or deleted.',
      remedy: `Wait five minutes, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    133016,
    {
      detail: 'The number was registered and deregistered too often: Meta allows ten times in 72 hours.',
      remedy: `Wait until 72 hours after the first time, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    131031,
    {
      detail: 'The WhatsApp Business Account is locked or restricted.',
      remedy: `Have its owner resolve the restriction in WhatsApp Manager, then ${REGISTER_AGAIN}.`,
    },
  ],
]);

const REFUSED: FailureMessage = {
  detail: 'Meta did not register the number.',
  remedy: `Check in WhatsApp Manager that the number is verified and that the token may manage it, then ${REGISTER_AGAIN}.`,
};
const UNKNOWN: FailureMessage = {
  detail: 'Meta did not respond properly, so the number may or may not be registered.',
  remedy: `Wait a moment, then ${REGISTER_AGAIN}: this is safe even if it is registered already.`,
};

/** What a failed registration means, and what to do. */
export function toRegistrationFailure({ cause, verdict }: MetaError): RegistrationFailure {
  const known = cause.code === undefined ? undefined : MESSAGES_BY_CODE.get(cause.code);
  const message = known ?? (verdict.kind === 'transient' || verdict.kind === 'throttled' ? UNKNOWN : REFUSED);
  return { ...message, ...(Object.keys(cause).length === 0 ? {} : { meta: cause }) };
}

/** For failures before Meta was asked. */
export const NUMBER_NOT_NAMED: RegistrationFailure = {
  detail: 'A pin was supplied, but not which number it is for.',
  remedy: `Name the number: ${REGISTER_AGAIN}.`,
};
export const NUMBER_NOT_FOUND: RegistrationFailure = {
  detail: 'A pin was supplied, but this connection has no such number.',
  remedy: `Look up the number in the connection's assets, then ${REGISTER_AGAIN}.`,
};
