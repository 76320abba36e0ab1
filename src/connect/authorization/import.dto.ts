import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsString, Matches } from 'class-validator';
import { PRODUCTS, type Product } from '../../config/products.ts';
import { TENANT_PATTERN } from '../../config/tenant.ts';
import type { Metadata } from '../../connections/description/description.ts';
import { MetadataField, ReferenceField } from '../../connections/description/description-fields.ts';
import { AppIdField, IsAccessToken, MAX_TOKEN_LENGTH } from '../request-fields.ts';

/** Body of `POST /v1/connections/import`. */
export class ImportRequest {
  @ApiProperty({ pattern: TENANT_PATTERN.source, description: 'Your id of the customer', example: 'acme' })
  @Matches(TENANT_PATTERN, { message: 'must be 1 to 128 of A-Z a-z 0-9 . _ : -' })
  @IsString()
  tenant!: string;

  @ApiProperty({ enum: PRODUCTS, description: 'What the connection is for', example: 'ads' })
  @IsIn(PRODUCTS)
  product!: Product;

  @ApiProperty({
    maxLength: MAX_TOKEN_LENGTH,
    description: 'A token of this app at Meta, of a kind that the product takes',
    example: 'EAAGm0PX4ZCpsBO7Qd1',
  })
  @IsAccessToken()
  access_token!: string;

  @AppIdField()
  app_id?: string;

  @ReferenceField()
  reference?: string;

  @MetadataField()
  metadata?: Metadata;
}
