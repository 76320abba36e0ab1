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
import type { EventId, SubscriptionId } from '../ids.ts';
import { EVENT_TYPES, type EventType } from '../outbox/event-type.ts';
import type { AttemptError } from '../subscribers/attempt.ts';
import type { SubscriptionRow, SubscriptionStatus } from './subscription.ts';
import type { SubscriptionTestResult } from './subscription-tester.ts';
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

  @ApiPropertyOptional({ type: [String], description: 'Absent: events of all tenants, and events without a tenant' })
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

  @ApiPropertyOptional({
    type: [String],
    nullable: true,
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

/** A subscription as the API shows it. */
export interface SubscriptionResponse {
  id: SubscriptionId;
  url: string;
  events: readonly EventType[];
  /** Null: all. */
  tenants: readonly string[] | null;
  products: readonly string[] | null;
  status: SubscriptionStatus;
  /** `gone`: the receiver responded 410. */
  status_reason: SubscriptionRow['status_reason'];
  /** No deliveries before this time, because the receiver asked for a delay. */
  resume_at: string | null;
  failing_since: string | null;
  last_delivered_at: string | null;
  created_at: string;
  updated_at: string;
}

/** A subscription with its first signing secret, shown only here. */
export interface CreatedSubscriptionResponse extends SubscriptionResponse {
  secret: string;
}

export interface RotatedSecretResponse {
  secret: string;
  overlap_seconds: number;
  previous_secrets_expire_at: string;
}

export interface SubscriptionTestResponse {
  event_id: EventId;
  delivered: boolean;
  status: number | null;
  error: AttemptError | null;
  duration_ms: number;
}

export function toSubscriptionResponse({ revision: _, ...row }: SubscriptionRow): SubscriptionResponse {
  return {
    ...row,
    resume_at: toText(row.resume_at),
    failing_since: toText(row.failing_since),
    last_delivered_at: toText(row.last_delivered_at),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

export function toSubscriptionTestResponse(result: SubscriptionTestResult): SubscriptionTestResponse {
  const { eventId, durationMs, ...rest } = result;
  return { event_id: eventId, ...rest, duration_ms: durationMs };
}

function toText(instant: Date | null): string | null {
  return instant?.toISOString() ?? null;
}
