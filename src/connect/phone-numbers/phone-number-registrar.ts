import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { type ConnectionPhoneNumber } from '../../connections/assets/asset.repository.ts';
import { isCoexistence } from '../../connections/assets/phone-coexistence.ts';
import {
  PhoneRegistrationService,
  type RegistrationFailure,
} from '../../connections/assets/phone-registration.service.ts';
import { reauthRequired } from '../../connections/connection/connection-problems.ts';
import { VerificationRequests } from '../../connections/connection/verification-requests.ts';
import { CredentialClaimRepository } from '../../connections/credentials/credential-claim.repository.ts';
import { CredentialVersionService } from '../../connections/credentials/credential-version.service.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { Database } from '../../database/database.ts';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { metaUnavailable } from '../../meta/errors/meta-unavailable.ts';
import { MetaClients } from '../../meta/meta-clients.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { AppError } from '../../platform/problem.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { metaConfiguration, phoneNumberNotFound, registrationRefused } from '../connect-problems.ts';
import { problemCodeOf } from '../problem-code-of-verdict.ts';
import { registrationNotAllowed } from './phone-number-problems.ts';
import { NUMBER_NOT_FOUND, NUMBER_NOT_NAMED, toRegistrationFailure } from './registration-failure.ts';

interface PhoneNumberRegistration {
  connectionId: ConnectionId;
  /** Six digits. Sent to Meta, stored nowhere. */
  pin: SecretString;
  actor: Actor;
  requestId: string;
}

const RETRY_AFTER_SECONDS = 60;

/**
 * Registers WhatsApp numbers for the Cloud API (docs/meta-facts.md#embedded-signup). Always stores the result on number
 * and connection.
 */
@Injectable()
export class PhoneNumberRegistrar {
  constructor(
    private readonly meta: MetaClients,
    private readonly registrations: PhoneRegistrationService,
    private readonly claims: CredentialClaimRepository,
    private readonly versions: CredentialVersionService,
    private readonly verificationRequests: VerificationRequests,
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /**
   * Throws `AppError`: 404 `phone_number_not_found`; 409 `registration_not_allowed` or `reauth_required`; 422
   * `registration_refused` with a remedy; 503 `meta_unavailable` (also for limits); 502 `meta_configuration`.
   */
  async register(phoneNumberId: string, registration: PhoneNumberRegistration): Promise<void> {
    const numbers = await this.registrations.listPhoneNumbers(registration.connectionId);
    const number = numbers.find(({ id }) => id === phoneNumberId);
    if (number === undefined) throw new AppError(phoneNumberNotFound);
    if (isCoexistence(number.details)) throw new AppError(registrationNotAllowed);
    const error = await this.attempt(number, registration);
    if (error !== null) throw toProblem(error);
  }

  /**
   * Call right after connecting: registers the number named, or the only one, but never one of the WhatsApp Business
   * app, which is registered already. Doesn't throw if Meta refuses or the choice is unclear: the connection was made,
   * and shows the result.
   */
  async registerAfterConnecting(phoneNumberId: string | null, registration: PhoneNumberRegistration): Promise<void> {
    const all = await this.registrations.listPhoneNumbers(registration.connectionId);
    const named = phoneNumberId === null ? all : all.filter(({ id }) => id === phoneNumberId);
    const numbers = named.filter(({ details }) => !isCoexistence(details));
    if (numbers.length < named.length && numbers.length === 0) return;
    const [number] = numbers;
    if (numbers.length > 1) return this.recordOutcome(registration, null, NUMBER_NOT_NAMED);
    if (number === undefined) return this.recordOutcome(registration, null, NUMBER_NOT_FOUND);
    try {
      await this.attempt(number, registration);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.logger.info({ err: error, connection_id: registration.connectionId }, 'phone number not registered');
    }
  }

  /** Returns what Meta refused; null: registered. Throws `AppError` if there is no token to ask with. */
  private async attempt(
    number: ConnectionPhoneNumber,
    registration: PhoneNumberRegistration,
  ): Promise<MetaError | null> {
    const credential = number.credentialId === null ? null : await this.claims.find(number.credentialId);
    const token = credential?.status === 'active' ? await this.versions.openCurrent(credential) : null;
    if (credential === null || token === null) throw new AppError(reauthRequired);
    try {
      await this.meta.call(credential.appId, ({ whatsappAccounts }) =>
        whatsappAccounts.registerPhoneNumber(number.id, token, registration.pin),
      );
      await this.recordOutcome(registration, number.id, null);
      return null;
    } catch (error) {
      if (!(error instanceof MetaError)) throw error;
      await this.recordOutcome(registration, number.id, toRegistrationFailure(error));
      const { kind } = error.verdict;
      if (kind === 'dead' || kind === 'suspect')
        await this.verificationRequests.requestVerification(this.database, [registration.connectionId]);
      return error;
    }
  }

  private recordOutcome(
    { connectionId, actor, requestId }: PhoneNumberRegistration,
    phoneNumberId: string | null,
    failure: RegistrationFailure | null,
  ): Promise<void> {
    return this.registrations.record(connectionId, phoneNumberId, failure, { actor, requestId });
  }
}

function toProblem(error: MetaError): AppError {
  const { detail, remedy, meta } = toRegistrationFailure(error);
  const occurrence = { cause: error, ...(meta === undefined ? {} : { meta }) };
  const codes = { suspect: 'meta_unavailable', dead: 'reauth_required', refused: 'registration_refused' } as const;
  switch (problemCodeOf(error.verdict, codes)) {
    case 'reauth_required':
      return new AppError(reauthRequired, occurrence);
    case 'meta_configuration':
      return new AppError(metaConfiguration, occurrence);
    case 'meta_unavailable': {
      const retryAfterSeconds = error.retryAfterSeconds ?? RETRY_AFTER_SECONDS;
      return new AppError(metaUnavailable, { ...occurrence, detail, remedy, retryAfterSeconds });
    }
    case 'registration_refused':
      return new AppError(registrationRefused, { ...occurrence, detail, remedy });
  }
}
