import type { RegistrationFailure } from '../../connections/assets/phone-registration.service.ts';
import type { MetaError } from '../../meta/errors/meta-error.ts';

interface FailureMessage {
  detail: string;
  remedy: string;
}

const REGISTER_AGAIN = 'register it again with POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register';

/** By Meta's code (META.md 8, 12.1; reference of the edge `register`). */
const MESSAGES_BY_CODE = new Map<number, FailureMessage>([
  [
    133000,
    {
      detail: 'An earlier deregistration of the number did not come to its end.',
      remedy: `Deregister the number at Meta first, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    133005,
    {
      detail: 'The pin is not the one that two-step verification of this number asks for.',
      remedy: `Ask for the pin, or have two-step verification reset in WhatsApp Manager, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    133006,
    {
      detail: 'Meta wants the number verified again before it is registered.',
      remedy: `Verify the number by the code that Meta sends to it, in WhatsApp Manager, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    133008,
    {
      detail: 'Too many wrong pins were tried: Meta takes none for this number for some time.',
      remedy: `Wait for as long as Meta says in WhatsApp Manager, then ${REGISTER_AGAIN} with the right pin.`,
    },
  ],
  [
    133009,
    {
      detail: 'Pins were tried too fast one after the other.',
      remedy: `Wait for some minutes, then ${REGISTER_AGAIN} with the right pin.`,
    },
  ],
  [
    133015,
    {
      detail: 'The number was deregistered or deleted a moment ago.',
      remedy: `Wait for five minutes, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    133016,
    {
      detail: 'The number was registered and deregistered too often: ten times in 72 hours are allowed.',
      remedy: `Wait for 72 hours after the first of them, then ${REGISTER_AGAIN}.`,
    },
  ],
  [
    131031,
    {
      detail: 'The WhatsApp Business Account is locked or restricted.',
      remedy: `Have its owner follow what WhatsApp Manager says about the restriction, then ${REGISTER_AGAIN}.`,
    },
  ],
]);

const REFUSED: FailureMessage = {
  detail: 'Meta did not register the number.',
  remedy: `Check in WhatsApp Manager that the number is verified and that the token may manage it, then ${REGISTER_AGAIN}.`,
};
const UNKNOWN: FailureMessage = {
  detail: 'Meta did not respond as it should, so it is unknown whether the number is registered.',
  remedy: `Wait for a moment, then ${REGISTER_AGAIN}: a number that is registered already is no fault.`,
};

/** What a failed registration means, and what to do. */
export function toRegistrationFailure({ cause, verdict }: MetaError): RegistrationFailure {
  const known = cause.code === undefined ? undefined : MESSAGES_BY_CODE.get(cause.code);
  const message = known ?? (verdict.kind === 'transient' || verdict.kind === 'throttled' ? UNKNOWN : REFUSED);
  return { ...message, ...(Object.keys(cause).length === 0 ? {} : { meta: cause }) };
}

/** Where nothing was asked of Meta. */
export const NUMBER_NOT_NAMED: RegistrationFailure = {
  detail: 'A pin was given, but not for which of the numbers.',
  remedy: `Name the number: ${REGISTER_AGAIN}.`,
};
export const NUMBER_NOT_FOUND: RegistrationFailure = {
  detail: 'A pin was given, but this connection has no such number.',
  remedy: `Look for the number among the assets of the connection, and ${REGISTER_AGAIN}.`,
};
