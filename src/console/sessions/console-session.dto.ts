import { ApiProperty } from '@nestjs/swagger';
import { ROLES, type Role, SIGN_IN_METHODS, type SignInMethod } from '../../auth/authenticated-client.ts';
import type { SessionId } from '../../auth/ids.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL, LATER_EXAMPLE_INSTANT } from '../../platform/openapi/examples.ts';
import { type ConsoleSessionRow, idleExpiryOf } from './console-session.ts';

/** A person's session. */
export class ConsoleSessionResponse {
  @ApiProperty({ type: String, example: exampleId('ses') })
  id!: SessionId;

  @ApiProperty({ description: 'The person, or the client whose key or link signed in', example: 'Ada Lovelace' })
  name!: string;

  @ApiProperty({ enum: ROLES, example: 'admin' })
  role!: Role;

  @ApiProperty({ type: [String], description: '`["*"]` means all', example: ['*'] })
  tenants!: string[];

  @ApiProperty({ enum: SIGN_IN_METHODS, description: 'How the person signed in', example: 'oidc' })
  method!: SignInMethod;

  @ApiProperty(INSTANT)
  signed_in_at!: string;

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'When the person last proved who they are; null: the identity provider did not say',
  })
  authenticated_at!: string | null;

  @ApiProperty({ ...INSTANT, description: 'Accurate to a minute' })
  last_seen_at!: string;

  @ApiProperty({ ...INSTANT, description: 'When it ends at the latest', example: LATER_EXAMPLE_INSTANT })
  expires_at!: string;

  @ApiProperty({ ...INSTANT, description: 'When it ends if nobody uses it', example: LATER_EXAMPLE_INSTANT })
  idle_expires_at!: string;
}

/** Response of `DELETE /v1/console/sessions/current`. */
export class SignedOutResponse {
  @ApiProperty({
    type: String,
    nullable: true,
    format: 'uri',
    description: 'Where the browser goes to sign out at the identity provider, too; null: nowhere',
    example: 'https://id.example/logout?client_id=metavault',
  })
  sign_out_url!: string | null;
}

export function toConsoleSessionResponse(
  session: ConsoleSessionRow,
  { role, tenants }: { role: Role; tenants: readonly string[] } = session,
): ConsoleSessionResponse {
  return {
    id: session.id,
    name: session.name,
    role,
    tenants: [...tenants],
    method: session.method,
    signed_in_at: session.created_at.toISOString(),
    authenticated_at: session.authenticated_at?.toISOString() ?? null,
    last_seen_at: session.last_seen_at.toISOString(),
    expires_at: session.expires_at.toISOString(),
    idle_expires_at: idleExpiryOf(session).toISOString(),
  };
}
