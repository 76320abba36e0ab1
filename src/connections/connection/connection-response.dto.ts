import { ApiProperty } from '@nestjs/swagger';
import { FLOWS, PRODUCTS } from '../../config/products.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';
import type { Metadata } from '../description/description.ts';
import { METADATA_EXAMPLE, REFERENCE_EXAMPLE } from '../description/description-fields.ts';
import type { ConnectionId } from '../ids.ts';
import {
  CONNECTION_STATUSES,
  type ConnectionStatus,
  PROVIDER_REVOCATION_STATUSES,
  type ProviderRevocationStatus,
} from '../status/connection-status.ts';
import { StatusReason } from '../status/status-reason.ts';
import type { AppFailure } from './app-failure.query.ts';
import { AssetResponse, toAssetResponse } from './asset-response.dto.ts';
import type { ConnectionEntity } from './connection.entity.ts';
import type { AssetPart, CredentialPart } from './connection-parts.query.ts';
import { CredentialResponse, toCredentialResponse } from './credential-response.dto.ts';

/** A connection as the API shows it. Contains no token, not even sealed. */
export class ConnectionResponse {
  @ApiProperty({ type: String, example: exampleId('con') })
  id!: ConnectionId;

  @ApiProperty({ description: 'Your id of the customer', example: 'acme' })
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS, example: 'pages' })
  product!: string;

  @ApiProperty({ enum: FLOWS, description: 'How it was last authorized' })
  flow!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Your own id for it', example: REFERENCE_EXAMPLE })
  reference!: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Your own data about it. Not protected against changes in the database: base no decision on it.',
    example: METADATA_EXAMPLE,
  })
  metadata!: Metadata;

  @ApiProperty({
    enum: CONNECTION_STATUSES,
    description: '`reauth_required`: no lease until its user logs in again. `revoked`: final.',
    example: 'active',
  })
  status!: ConnectionStatus;

  @ApiProperty({
    type: StatusReason,
    nullable: true,
    description: 'Why it has this status; for an active connection, what its user should fix',
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
    description:
      'Its tokens at Meta, the root one first: that of the user, and one for each Page. At most 100, in lists 10; ' +
      '`GET /v1/connections/{id}/credentials` lists all.',
  })
  credentials!: CredentialResponse[];

  @ApiProperty({ type: 'integer', minimum: 0, description: 'How many credentials it has', example: 2 })
  credentials_count!: number;

  @ApiProperty({
    type: [AssetResponse],
    description:
      'What the tokens reach, by type and id. At most 100, in lists 10; `GET /v1/connections/{id}/assets` lists all.',
  })
  assets!: AssetResponse[];

  @ApiProperty({ type: 'integer', minimum: 0, description: 'How many assets it has', example: 3 })
  assets_count!: number;
}

const instant = (date: Date | null): string | null => date?.toISOString() ?? null;

/** What is shown of a connection's credentials and assets, and how many there are. */
interface ConnectionParts {
  credentials: CredentialPart[];
  credentialsCount: number;
  assets: AssetPart[];
  assetsCount: number;
  /** What holds up its app; null: nothing. */
  appFailure: AppFailure | null;
}

export function toConnectionResponse(
  connection: ConnectionEntity,
  { credentials, credentialsCount, assets, assetsCount, appFailure }: ConnectionParts,
): ConnectionResponse {
  return {
    id: connection.id,
    tenant: connection.tenant,
    product: connection.product,
    flow: connection.flow,
    reference: connection.reference,
    metadata: connection.metadata,
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
    credentials: credentials.map((credential) => toCredentialResponse(credential, appFailure)),
    credentials_count: credentialsCount,
    assets: assets.map(toAssetResponse),
    assets_count: assetsCount,
  };
}
