import { ApiProperty } from '@nestjs/swagger';
import { defineErrorCode } from '../../platform/error-code.ts';
import { ApiMetaCause } from '../../platform/openapi/api-meta-cause.ts';
import { INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';
import type { MetaCause } from '../../platform/problem.ts';

/** How a token died, according to Meta. The connection needs its user. */
const TOKEN_DEATH_CODES = [
  'app_removed',
  'checkpoint',
  'password_changed',
  'expired',
  'unconfirmed_user',
  'logged_out',
  'role_lost',
  'inactive_90_days',
  'invalid',
] as const;

const DISCOVERY_WARNING_CODES = [
  'no_page',
  'no_page_permission',
  'no_instagram_account',
  'no_ad_account',
  'no_whatsapp_account',
  'phone_number_missing',
  'phone_number_unverified',
  'waba_id_is_portfolio',
  'webhooks_not_subscribed',
  'discovery_refused',
] as const;

/** What discovery did not find or could not do. */
export type DiscoveryWarningCode = (typeof DISCOVERY_WARNING_CODES)[number];

/** Reason of an active connection whose token lacks scopes its product needs. */
export const SCOPES_MISSING = 'scopes_missing';
/** Reason of a connection whose WhatsApp Business Account was disconnected from our app, as reported by Meta. */
export const PARTNER_REMOVED = 'partner_removed';
/** Reason of a connection with a phone number that could not be registered. */
export const PHONE_NUMBER_NOT_REGISTERED = 'phone_number_not_registered';

defineErrorCode('status_reason', {
  code: PHONE_NUMBER_NOT_REGISTERED,
  detail: 'A phone number could not be registered for the Cloud API.',
  remedy:
    'Follow the remedy on the connection, then POST /v1/connections/{id}/phone-numbers/{phone_number_id}/register.',
});

/** Every reason that a connection may have. */
export const STATUS_REASON_CODES = [
  ...TOKEN_DEATH_CODES,
  ...DISCOVERY_WARNING_CODES,
  'data_access_expired',
  'whatsapp_account_lost',
  'phone_number_lost',
  'page_lost',
  PARTNER_REMOVED,
  SCOPES_MISSING,
  PHONE_NUMBER_NOT_REGISTERED,
] as const;

export type StatusReasonCode = (typeof STATUS_REASON_CODES)[number];

/**
 * Why a connection has its status, as the API shows it. Active ones may have a reason too: something a user should fix.
 */
export class StatusReason {
  @ApiProperty({
    enum: STATUS_REASON_CODES,
    description: 'Stable; explained at `/problems/{code}`',
    example: 'expired',
  })
  code!: StatusReasonCode;

  @ApiProperty({ description: 'What happened', example: 'The token has expired and can no longer be refreshed.' })
  detail!: string;

  @ApiProperty({
    description: 'What to do',
    example:
      'Create a connect session for the same tenant and product and send the user through it; the connection keeps its id.',
  })
  remedy!: string;

  @ApiMetaCause()
  meta?: MetaCause;

  @ApiProperty({ ...INSTANT, description: 'Since when it is known' })
  since_at!: string;
}

/** A status reason not stored yet. */
export type DeathReason = Omit<StatusReason, 'since_at'>;

/** Reasons of connections whose token is valid. Neither its validity nor a refresh clears them. */
export const REASONS_DESPITE_VALID_TOKEN: readonly StatusReasonCode[] = [
  'no_whatsapp_account',
  'whatsapp_account_lost',
  'phone_number_lost',
  'page_lost',
  PARTNER_REMOVED,
  'phone_number_missing',
  'phone_number_unverified',
  'waba_id_is_portfolio',
];

/** Reasons that rediscovery sets and clears. */
export const DISCOVERY_FINDINGS: readonly StatusReasonCode[] = [
  'no_page',
  'no_page_permission',
  'no_instagram_account',
  'no_ad_account',
  'discovery_refused',
];

const CREDENTIAL_FAILURE_CODES = [
  'app_not_configured',
  'check_failed',
  'circuit_open',
  'internal_error',
  'meta_blocked',
  'meta_configuration',
  'meta_permission',
  'meta_refused',
  'meta_throttled',
  'meta_unavailable',
  'old_token_not_revoked',
  'page_token_lost',
  'rotation_expires',
  'rotation_refused',
  'rotation_same_token',
  'seal_broken',
  'throttled',
  'token_doubted',
  'too_young',
  'renewal_other_app',
  'renewal_other_user',
  'renewal_invalid',
  'renewal_no_longer_life',
  'renewal_fewer_scopes',
] as const;

/** Why work on a credential failed. */
export type CredentialFailureCode = (typeof CREDENTIAL_FAILURE_CODES)[number];

/** Why the last work on a credential failed, as the API shows it. */
export class CredentialFailure {
  @ApiProperty({
    enum: CREDENTIAL_FAILURE_CODES,
    description: 'Stable; explained at `/problems/{code}`, with what to do',
    example: 'meta_unavailable',
  })
  code!: CredentialFailureCode;

  @ApiProperty({ description: 'What happened', example: 'Meta did not respond.' })
  detail!: string;

  @ApiProperty({ type: 'integer', minimum: 0, description: 'Failed attempts since the last success', example: 2 })
  attempts!: number;

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'Null: it is not attempted again by itself',
  })
  next_attempt_at!: string | null;

  @ApiMetaCause()
  meta?: MetaCause;
}
