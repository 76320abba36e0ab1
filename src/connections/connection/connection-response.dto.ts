import { ApiProperty } from '@nestjs/swagger';
import { FLOWS, PRODUCTS, TOKEN_KINDS } from '../../config/products.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';
import {
  ASSET_TYPES,
  type AssetType,
  type CredentialKind,
  HEALTHS,
  type Health,
} from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import {
  CONNECTION_STATUSES,
  type ConnectionStatus,
  PROVIDER_REVOCATION_STATUSES,
  type ProviderRevocationStatus,
} from '../status/connection-status.ts';
import { CredentialFailure, StatusReason } from '../status/status-reason.ts';
import { AssetDetails } from './asset-details.ts';
import type { AssetEntity, ConnectionEntity, CredentialEntity } from './connection.entity.ts';

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

  @ApiProperty({ type: 'string', nullable: true, description: 'Its name, if known', example: 'Maria Souza' })
  subject_name!: string | null;

  @ApiProperty({ type: 'integer', minimum: 1, description: 'Counts the tokens that served, from 1', example: 3 })
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
    description: '`expiring`: valid, but close to its end. `unknown`: doubted, or cannot be opened.',
    example: 'healthy',
  })
  health!: Health;

  @ApiProperty({
    type: CredentialFailure,
    nullable: true,
    description: 'Why the last refresh, rotation, or inspection failed; null: it did not',
    example: null,
  })
  failure!: CredentialFailure | null;
}

/** Includes details that only some types have (`AssetDetails`). */
class AssetResponse extends AssetDetails {
  @ApiProperty({ enum: ASSET_TYPES, example: 'page' })
  type!: AssetType;

  @ApiProperty({ description: "Meta's id", example: '104582391827364' })
  id!: string;

  @ApiProperty({ type: 'string', nullable: true, example: 'Acme Coffee' })
  name!: string | null;

  @ApiProperty({
    type: 'string',
    nullable: true,
    description: 'The credential of leases for it; null: Meta gives no token for it',
    example: exampleId('crd'),
  })
  credential_id!: CredentialId | null;

  @ApiProperty({ description: 'Whether a lease can be issued for it while the connection is active', example: true })
  usable!: boolean;

  @ApiProperty({
    type: 'string',
    nullable: true,
    description: "Meta's id of what it belongs to: an account's Page, a number's account, an ad account's business",
    example: null,
  })
  parent_id!: string | null;
}

/** A connection as the API shows it. Contains no token, not even sealed. */
export class ConnectionResponse {
  @ApiProperty({ type: String, example: exampleId('con') })
  id!: ConnectionId;

  @ApiProperty({ description: 'Your id of the customer', example: 'acme' })
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS, example: 'pages' })
  product!: string;

  @ApiProperty({ enum: FLOWS, description: 'How it was last authorized', example: 'facebook_login' })
  flow!: string;

  @ApiProperty({
    enum: CONNECTION_STATUSES,
    description: '`reauth_required`: no lease until its user logs in again. `revoked`: final.',
    example: 'active',
  })
  status!: ConnectionStatus;

  @ApiProperty({
    type: StatusReason,
    nullable: true,
    description: 'Why it has this status; of an active connection, what its user should mend',
    example: null,
  })
  status_reason!: StatusReason | null;

  @ApiProperty({ description: 'The Meta app that its tokens belong to', example: '1029384756102938' })
  app_id!: string;

  @ApiProperty({
    description: "Meta's id of the user, or of the system user or account, that authorized it",
    example: '122093274858005763',
  })
  meta_user_id!: string;

  @ApiProperty({
    type: 'string',
    enum: PROVIDER_REVOCATION_STATUSES,
    nullable: true,
    description:
      "State of the revocation at Meta; null: not revoked. `shared`: the user's grant also serves another active connection " +
      'and ends with the last one.',
    example: null,
  })
  provider_revocation!: ProviderRevocationStatus | null;

  @ApiProperty({ description: "The version of Meta's API that it was authorized with", example: 'v26.0' })
  graph_api_version!: string;

  @ApiProperty({ type: [String], description: 'What was granted', example: ['pages_show_list', 'ads_read'] })
  scopes!: string[];

  @ApiProperty({ type: [String], description: 'What the product asks for and the user declined', example: [] })
  declined_scopes!: string[];

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: "When Meta ends access to the user's data unless they log in again; null: never",
  })
  data_access_expires_at!: string | null;

  @ApiProperty(INSTANT)
  created_at!: string;

  @ApiProperty(INSTANT)
  updated_at!: string;

  @ApiProperty({ ...INSTANT_OR_NULL, example: null })
  revoked_at!: string | null;

  @ApiProperty({
    type: [CredentialResponse],
    description: 'Its tokens at Meta, the root one first: that of the user, and one for each Page.',
  })
  credentials!: CredentialResponse[];

  @ApiProperty({ type: [AssetResponse], description: 'What the tokens reach, by type and id' })
  assets!: AssetResponse[];
}

const instant = (date: Date | null): string | null => date?.toISOString() ?? null;

export function toConnectionResponse(
  connection: ConnectionEntity,
  credentials: CredentialEntity[],
  assets: AssetEntity[],
): ConnectionResponse {
  return {
    id: connection.id,
    tenant: connection.tenant,
    product: connection.product,
    flow: connection.flow,
    status: connection.status,
    status_reason: connection.statusReason,
    app_id: connection.appId,
    meta_user_id: connection.metaUserId,
    provider_revocation: connection.providerRevocation,
    graph_api_version: connection.graphApiVersion,
    scopes: connection.scopes,
    declined_scopes: connection.declinedScopes,
    data_access_expires_at: instant(connection.dataAccessExpiresAt),
    created_at: connection.createdAt.toISOString(),
    updated_at: connection.updatedAt.toISOString(),
    revoked_at: instant(connection.revokedAt),
    credentials: credentials.map(toCredentialResponse),
    assets: assets.map((asset) => ({
      type: asset.type,
      id: asset.id,
      name: asset.name,
      credential_id: asset.credentialId,
      usable: asset.credentialId !== null,
      parent_id: asset.parentId,
      ...asset.details,
    })),
  };
}

function toCredentialResponse(credential: CredentialEntity): CredentialResponse {
  return {
    id: credential.id,
    kind: credential.kind,
    subject_id: credential.subjectId,
    subject_name: credential.subjectName,
    version: credential.version,
    scopes: credential.scopes,
    issued_at: instant(credential.issuedAt),
    expires_at: instant(credential.expiresAt),
    refresh_after: instant(credential.refreshAfter),
    last_refreshed_at: instant(credential.lastRefreshedAt),
    last_checked_at: instant(credential.lastCheckedAt),
    health: credential.health,
    failure: credential.failure,
  };
}
