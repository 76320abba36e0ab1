import { ApiProperty } from '@nestjs/swagger';
import { exampleId } from '../../platform/openapi/examples.ts';
import { ASSET_TYPES, type AssetType } from '../credentials/credential-kind.ts';
import type { CredentialId } from '../ids.ts';
import { AssetDetails } from './asset-details.ts';
import type { AssetPart } from './connection-parts.query.ts';

/** Includes details that only some types have (`AssetDetails`). */
export class AssetResponse extends AssetDetails {
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

export function toAssetResponse(asset: AssetPart): AssetResponse {
  return {
    type: asset.type,
    id: asset.id,
    name: asset.name,
    credential_id: asset.credential_id,
    usable: asset.credential_id !== null,
    parent_id: asset.parent_id,
    ...asset.details,
  };
}
