import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsString, Matches } from 'class-validator';
import { PRODUCTS, type Product } from '../../config/products.ts';
import { TENANT_PATTERN } from '../../config/tenant.ts';
import { IsAccessToken } from '../request-fields.ts';

/** Body of `POST /v1/connections/import`. */
export class ImportRequest {
  @ApiProperty({ pattern: TENANT_PATTERN.source })
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z a-z 0-9 . _ : -' })
  @IsString()
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS })
  @IsIn(PRODUCTS)
  product!: Product;

  @ApiProperty()
  @IsAccessToken()
  access_token!: string;
}
