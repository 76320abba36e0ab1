import { ApiProperty } from '@nestjs/swagger';
import { LEASE_MODES, type LeaseMode } from '../auth/authenticated-client.ts';
import type { ClientId } from '../auth/ids.ts';
import { PRODUCTS } from '../config/config.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL, LATER_EXAMPLE_INSTANT } from '../platform/openapi/examples.ts';
import type { LeaseId } from './ids.ts';

export const LEASE_STATUSES = ['active', 'ended', 'expired'] as const;
export type LeaseStatus = (typeof LEASE_STATUSES)[number];

class LeasedAssetReference {
  @ApiProperty({ description: "Meta's kind of object", example: 'phone_number' })
  type!: string;

  @ApiProperty({ description: "Meta's id", example: '106540352242922' })
  id!: string;
}

class LeasedAsset extends LeasedAssetReference {
  @ApiProperty({ type: String, nullable: true, example: 'Acme Support' })
  name!: string | null;
}

const APP_ID = { description: "The app at Meta that the token belongs to, by Meta's id", example: '1029384756102938' };

/** Fields of every response about a lease. */
class LeaseSubject {
  @ApiProperty({ type: String, example: exampleId('lse') })
  lease_id!: LeaseId;

  @ApiProperty({ type: String, example: exampleId('con') })
  connection_id!: ConnectionId;

  @ApiProperty({ type: String, description: 'The stored token that the lease is for', example: exampleId('crd') })
  credential_id!: CredentialId;
}

class LeaseDetails extends LeaseSubject {
  @ApiProperty({ enum: LEASE_MODES })
  mode!: LeaseMode;

  @ApiProperty({ type: 'integer', description: 'Counts refreshes of the token', example: 3 })
  credential_version!: number;

  @ApiProperty({ ...INSTANT, description: 'When the lease ends' })
  expires_at!: string;
}

/** Response of `POST /v1/leases`, the only one that may contain a Meta token. */
export class IssuedLeaseResponse extends LeaseDetails {
  @ApiProperty({
    description: "A token for the gateway, or in mode `token` Meta's own. Shown only here.",
    example: 'mtl_…',
  })
  access_token!: string;

  @ApiProperty({ enum: ['Bearer'] })
  token_type!: 'Bearer';

  @ApiProperty({ type: 'integer', description: 'Seconds until the lease ends', example: 900 })
  expires_in!: number;

  @ApiProperty({ type: [String], description: 'What the user granted', example: ['whatsapp_business_messaging'] })
  scopes!: string[];

  @ApiProperty({
    type: [String],
    required: false,
    description:
      'Scopes that the product needs and the token lacks: calls that need them fail until the user reconnects',
    example: ['whatsapp_business_management'],
  })
  missing_scopes?: string[];

  @ApiProperty({ type: LeasedAsset, required: false, description: 'With `asset_id`: the asset' })
  asset?: LeasedAsset;

  @ApiProperty(APP_ID)
  app_id!: string;

  @ApiProperty({ format: 'uri', description: 'Where to call', example: 'https://metavault.example/graph/v26.0' })
  graph_base_url!: string;

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: "When Meta's token ends; null: it does not, or Meta does not say",
    example: LATER_EXAMPLE_INSTANT,
  })
  token_expires_at!: string | null;

  @ApiProperty({ required: false, description: 'In mode `token`: what Meta requires in addition to the token' })
  appsecret_proof?: string;
}

/** A lease as clients and admins see it; never its token. */
export class LeaseResponse extends LeaseDetails {
  @ApiProperty({ enum: LEASE_STATUSES })
  status!: LeaseStatus;

  @ApiProperty({ type: String, description: 'The client that it was issued to', example: exampleId('cli') })
  client_id!: ClientId;

  @ApiProperty({ example: 'acme' })
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS })
  product!: string;

  @ApiProperty({ type: LeasedAssetReference, required: false, description: 'If it was requested for an asset' })
  asset?: LeasedAssetReference;

  @ApiProperty(INSTANT)
  issued_at!: string;

  @ApiProperty({ ...INSTANT_OR_NULL, description: 'When it was ended early; null: it was not' })
  ended_at!: string | null;
}

/** The token is unknown, has ended, or is not the client's business. */
export class InactiveLeaseResponse {
  @ApiProperty({ type: Boolean, enum: [false] })
  active!: false;
}

/** RFC 7662, section 2.2, with our ids as an extension. */
export class ActiveLeaseResponse extends LeaseSubject {
  @ApiProperty({ type: Boolean, enum: [true] })
  active!: true;

  @ApiProperty({ description: 'Scopes, separated by spaces', example: 'whatsapp_business_messaging' })
  scope!: string;

  @ApiProperty({ type: String, example: exampleId('cli') })
  client_id!: ClientId;

  @ApiProperty({ enum: ['Bearer'] })
  token_type!: 'Bearer';

  @ApiProperty({ type: 'integer', description: 'End, in seconds since 1970', example: 1764322200 })
  exp!: number;

  @ApiProperty({ type: 'integer', description: 'Start, in seconds since 1970', example: 1764321300 })
  iat!: number;

  @ApiProperty({ description: 'The credential', example: exampleId('crd') })
  sub!: string;

  @ApiProperty({ description: 'The public URL of this service', example: 'https://metavault.example' })
  iss!: string;

  @ApiProperty({ example: 'acme' })
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS })
  product!: string;
}

export type IntrospectionResponse = InactiveLeaseResponse | ActiveLeaseResponse;
