import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsString,
  Matches,
  Max,
  Min,
  ValidateIf,
} from 'class-validator';
import { PRODUCTS, type Product } from '../../config/config.ts';
import { TENANT_PATTERN } from '../../config/tenant.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';
import { EVENT_TYPES, type EventType } from '../outbox/event-type.ts';
import type { SubscriptionChange } from './subscription-updater.ts';

const MAX_TENANTS = 10_000;

/** Body of `POST /v1/subscriptions`. */
export class CreateSubscriptionRequest {
  @ApiProperty({
    description: 'https, and public unless SUBSCRIPTION_HOSTS names its host',
    example: 'https://app.example/hooks',
  })
  @IsString()
  url!: string;

  @ApiProperty({
    enum: EVENT_TYPES,
    isArray: true,
    minItems: 1,
    uniqueItems: true,
    description: 'Which events to deliver',
  })
  @IsIn(EVENT_TYPES, { each: true })
  @ArrayUnique()
  @ArrayMaxSize(EVENT_TYPES.length)
  @ArrayMinSize(1)
  @IsArray()
  events!: EventType[];

  @ApiPropertyOptional({
    type: [String],
    minItems: 1,
    uniqueItems: true,
    example: ['acme'],
    description: 'Absent: events of all tenants, and events without a tenant',
  })
  @IsOptionalNotNull()
  @Matches(TENANT_PATTERN, { each: true, message: 'must be tenants' })
  @ArrayUnique()
  @ArrayMaxSize(MAX_TENANTS)
  @ArrayMinSize(1)
  @IsArray()
  tenants?: string[];

  @ApiPropertyOptional({
    enum: PRODUCTS,
    isArray: true,
    description: 'Absent: events of all products, and events without a product',
  })
  @IsOptionalNotNull()
  @IsIn(PRODUCTS, { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  products?: Product[];
}

/** May be null, which means all, as in responses. */
const IfNotNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined && value !== null);

/** Body of `PATCH /v1/subscriptions/{id}`. Absent fields stay as they are. */
export class UpdateSubscriptionRequest {
  @ApiPropertyOptional({
    description: 'https, and public unless SUBSCRIPTION_HOSTS names its host',
    example: 'https://app.example/hooks',
  })
  @IsOptionalNotNull()
  @IsString()
  url?: string;

  @ApiPropertyOptional({
    enum: EVENT_TYPES,
    isArray: true,
    minItems: 1,
    uniqueItems: true,
    description: 'Which events to deliver',
  })
  @IsOptionalNotNull()
  @IsIn(EVENT_TYPES, { each: true })
  @ArrayUnique()
  @ArrayMaxSize(EVENT_TYPES.length)
  @ArrayMinSize(1)
  @IsArray()
  events?: EventType[];

  @ApiPropertyOptional({
    type: [String],
    nullable: true,
    example: ['acme'],
    description: 'Null: all tenants, and events without a tenant',
  })
  @IfNotNull()
  @Matches(TENANT_PATTERN, { each: true, message: 'must be tenants' })
  @ArrayUnique()
  @ArrayMaxSize(MAX_TENANTS)
  @ArrayMinSize(1)
  @IsArray()
  tenants?: string[] | null;

  @ApiPropertyOptional({
    enum: PRODUCTS,
    isArray: true,
    nullable: true,
    description: 'Null: all products, and events without a product',
  })
  @IfNotNull()
  @IsIn(PRODUCTS, { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  products?: Product[] | null;
}

/** Body of `POST /v1/subscriptions/{id}/rotate-secret`; may be absent. */
export class RotateSecretRequest {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 30 * DAY_SECONDS,
    default: DAY_SECONDS,
    description: 'How long older secrets keep signing. 0 ends them at once.',
  })
  @IsOptionalNotNull()
  @Max(30 * DAY_SECONDS)
  @Min(0)
  @IsInt()
  overlap_seconds: number = DAY_SECONDS;
}

export function toSubscriptionChange({
  url,
  events,
  tenants,
  products,
}: UpdateSubscriptionRequest): SubscriptionChange {
  return {
    ...(url === undefined ? {} : { url }),
    ...(events === undefined ? {} : { events }),
    ...(tenants === undefined ? {} : { tenants }),
    ...(products === undefined ? {} : { products }),
  };
}
