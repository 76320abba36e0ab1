import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { TOKEN_KINDS } from '../../config/products.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { ASSET_TYPES, type AssetType, type CredentialKind } from '../credentials/credential-kind.ts';

const MAX_TEXT_LENGTH = 200;

class ListPartsRequest extends PageRequest {
  @ApiPropertyOptional({
    maxLength: MAX_TEXT_LENGTH,
    description: 'Part of a name or id, in upper or lower case',
    example: 'coffee',
  })
  @IsOptional()
  @MaxLength(MAX_TEXT_LENGTH)
  @IsString()
  q?: string;
}

/** Query of `GET /v1/connections/{id}/credentials`. */
export class ListCredentialsRequest extends ListPartsRequest {
  @ApiPropertyOptional({ enum: TOKEN_KINDS, description: 'Credentials of this kind only' })
  @IsOptional()
  @IsIn(TOKEN_KINDS)
  type?: CredentialKind;
}

/** Query of `GET /v1/connections/{id}/assets`. */
export class ListAssetsRequest extends ListPartsRequest {
  @ApiPropertyOptional({ enum: ASSET_TYPES, description: 'Assets of this type only' })
  @IsOptional()
  @IsIn(ASSET_TYPES)
  type?: AssetType;
}
