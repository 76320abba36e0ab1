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
import { parseInstant } from '../../platform/instant.ts';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { invalidInputError } from '../../platform/problem.ts';
import { DELIVERY_STATUSES, type DeliveryStatus, type ReplayRange } from '../deliveries/delivery.repository.ts';
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

  @ApiProperty({ enum: EVENT_TYPES, isArray: true })
  @IsIn(EVENT_TYPES, { each: true })
  @ArrayUnique()
  @ArrayMaxSize(EVENT_TYPES.length)
  @ArrayMinSize(1)
  @IsArray()
  events!: EventType[];

  @ApiPropertyOptional({ type: [String], description: 'Absent: events of all tenants, and those that belong to none' })
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
    description: 'Absent: of all products, and those that belong to none',
  })
  @IsOptionalNotNull()
  @IsIn(PRODUCTS, { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  products?: Product[];
}

/** Null is fine as well, and means all, as it does in what is read. */
const IfNotNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined && value !== null);

/** Body of `PATCH /v1/subscriptions/{id}`: what is absent stays. */
export class UpdateSubscriptionRequest {
  @ApiPropertyOptional({ description: 'https, and public unless SUBSCRIPTION_HOSTS names its host' })
  @IsOptionalNotNull()
  @IsString()
  url?: string;

  @ApiPropertyOptional({ enum: EVENT_TYPES, isArray: true })
  @IsOptionalNotNull()
  @IsIn(EVENT_TYPES, { each: true })
  @ArrayUnique()
  @ArrayMaxSize(EVENT_TYPES.length)
  @ArrayMinSize(1)
  @IsArray()
  events?: EventType[];

  @ApiPropertyOptional({ type: [String], nullable: true, description: 'Null: all, and events that belong to none' })
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
    description: 'Null: all, and events that belong to none',
  })
  @IfNotNull()
  @IsIn(PRODUCTS, { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  products?: Product[] | null;
}

/** Body of `POST /v1/subscriptions/{id}/rotate-secret`; may be absent as a whole. */
export class RotateSecretRequest {
  @ApiPropertyOptional({
    minimum: 0,
    maximum: 30 * DAY_SECONDS,
    default: DAY_SECONDS,
    description: 'How long the older secrets sign as well. 0 ends them at once',
  })
  @IsOptionalNotNull()
  @Max(30 * DAY_SECONDS)
  @Min(0)
  @IsInt()
  overlap_seconds: number = DAY_SECONDS;
}

/** Body of `POST /v1/subscriptions/{id}/replay`. */
export class ReplayRequest {
  @ApiProperty({ format: 'date-time', description: 'Deliveries made from this instant on' })
  @IsString()
  from!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'and before this one; default: now' })
  @IsOptionalNotNull()
  @IsString()
  to?: string;

  @ApiPropertyOptional({ enum: ['delivered', 'dead'], isArray: true, default: ['dead'] })
  @IsOptionalNotNull()
  @IsIn(['delivered', 'dead'], { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  statuses: ('delivered' | 'dead')[] = ['dead'];
}

/** Query of `GET /v1/subscriptions/{id}/deliveries`. */
export class DeliveriesQuery extends PageRequest {
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES })
  @IsOptionalNotNull()
  @IsIn(DELIVERY_STATUSES)
  status?: DeliveryStatus;
}

/** What is to change. */
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

/** The store's words for a range. Throws 400 `invalid_request`. */
export function toReplayRange(request: ReplayRequest, now: Date): ReplayRange {
  const from = parseInstant('from', request.from);
  const to = request.to === undefined ? now : parseInstant('to', request.to);
  if (from.getTime() < 0) throw invalidInputError('from', 'is before 1970');
  if (to <= from) throw invalidInputError('to', 'must be later than from');
  return { from, to, statuses: request.statuses };
}
