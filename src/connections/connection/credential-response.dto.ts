import { ApiProperty } from '@nestjs/swagger';
import { TOKEN_KINDS } from '../../config/products.ts';
import { exampleId, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';
import { type CredentialKind, HEALTHS, type Health } from '../credentials/credential-kind.ts';
import type { CredentialId } from '../ids.ts';
import { CredentialFailure } from '../status/status-reason.ts';
import type { AppFailure } from './app-failure.query.ts';
import type { CredentialPart } from './connection-parts.query.ts';

/** A credential as the API shows it. Contains no token, not even sealed. */
export class CredentialResponse {
  @ApiProperty({ type: String, example: exampleId('crd') })
  id!: CredentialId;

  @ApiProperty({ enum: TOKEN_KINDS, description: "Whom Meta's token speaks for", example: 'user' })
  kind!: CredentialKind;

  @ApiProperty({
    description: "Meta's id of the user, system user, Page, or account that the token speaks for",
    example: '122093274858005763',
  })
  subject_id!: string;

  @ApiProperty({ type: 'string', nullable: true, description: 'Its name, if known', example: 'Maria Silva' })
  subject_name!: string | null;

  @ApiProperty({ type: 'integer', minimum: 1, description: 'Number of the token in use, counted from 1', example: 3 })
  version!: number;

  @ApiProperty({ type: [String], description: 'Scopes of the token', example: ['pages_show_list', 'ads_read'] })
  scopes!: string[];

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'When Meta issued the token; null: Meta does not say',
  })
  issued_at!: string | null;

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'When the token expires; null: never, or not by itself',
  })
  expires_at!: string | null;

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'From when on it is refreshed by itself; null: never',
  })
  refresh_after!: string | null;

  @ApiProperty(INSTANT_OR_NULL)
  last_refreshed_at!: string | null;

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'When Meta was last asked whether the token is valid',
  })
  last_checked_at!: string | null;

  @ApiProperty({
    enum: HEALTHS,
    description:
      '`expiring`: valid, but close to its end. `unknown`: in doubt until the next inspection, or cannot be decrypted.',
    example: 'healthy',
  })
  health!: Health;

  @ApiProperty({
    type: CredentialFailure,
    nullable: true,
    description:
      'Why the last refresh, rotation, or inspection failed, or why none is made (`attempts` 0): Meta refuses or throttles the ' +
      'app. Null: neither',
    example: null,
  })
  failure!: CredentialFailure | null;
}

const instant = (date: Date | null): string | null => date?.toISOString() ?? null;

/** `appFailure`: what holds up its app; null: nothing. */
export function toCredentialResponse(credential: CredentialPart, appFailure: AppFailure | null): CredentialResponse {
  return {
    id: credential.id,
    kind: credential.kind,
    subject_id: credential.subject_id,
    subject_name: credential.subject_name,
    version: credential.version,
    scopes: credential.scopes,
    issued_at: instant(credential.issued_at),
    expires_at: instant(credential.expires_at),
    refresh_after: instant(credential.refresh_after),
    last_refreshed_at: instant(credential.last_refreshed_at),
    last_checked_at: instant(credential.last_checked_at),
    health: credential.health,
    failure: credential.failure ?? failureOfApp(credential, appFailure),
  };
}

/** Null for a credential that Meta has accepted since. */
function failureOfApp(
  { last_refreshed_at: refreshedAt, last_checked_at: checkedAt }: CredentialPart,
  appFailure: AppFailure | null,
): CredentialFailure | null {
  if (appFailure === null) return null;
  const { failure, since } = appFailure;
  return [refreshedAt, checkedAt].some((at) => at !== null && at > since) ? null : failure;
}
