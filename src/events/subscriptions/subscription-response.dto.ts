import { ApiProperty } from '@nestjs/swagger';
import { PRODUCTS } from '../../config/config.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';
import type { EventId, SubscriptionId } from '../ids.ts';
import { EVENT_TYPES, type EventType } from '../outbox/event-type.ts';
import { ATTEMPT_ERRORS, type AttemptError } from '../subscribers/attempt.ts';
import { type SubscriptionRow, type SubscriptionStatus, VISIBLE_STATUSES } from './subscription.ts';
import type { SubscriptionTestResult } from './subscription-tester.ts';

const SECRET = { description: 'Signs deliveries. Shown only here.', example: 'whsec_…' };

/** A subscription as the API shows it. */
export class SubscriptionResponse {
  @ApiProperty({ type: String, example: exampleId('sub') })
  id!: SubscriptionId;

  @ApiProperty({ format: 'uri', example: 'https://app.example/hooks' })
  url!: string;

  @ApiProperty({ enum: EVENT_TYPES, isArray: true, description: 'Which events are delivered' })
  events!: readonly EventType[];

  @ApiProperty({ type: [String], nullable: true, description: 'Null: all tenants', example: ['acme'] })
  tenants!: readonly string[] | null;

  @ApiProperty({ enum: PRODUCTS, isArray: true, nullable: true, description: 'Null: all products' })
  products!: readonly string[] | null;

  @ApiProperty({
    enum: VISIBLE_STATUSES,
    description: '`paused`: its events wait. `ended`: the receiver responded 410, and events are not kept.',
  })
  status!: SubscriptionStatus;

  @ApiProperty({ type: String, enum: ['gone'], nullable: true, description: '`gone`: the receiver responded 410' })
  status_reason!: SubscriptionRow['status_reason'];

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'No deliveries before this instant, because the receiver asked for a delay',
  })
  resume_at!: string | null;

  @ApiProperty({ ...INSTANT_OR_NULL, description: 'Since when nothing was accepted; null: deliveries succeed' })
  failing_since!: string | null;

  @ApiProperty(INSTANT_OR_NULL)
  last_delivered_at!: string | null;

  @ApiProperty(INSTANT)
  created_at!: string;

  @ApiProperty(INSTANT)
  updated_at!: string;
}

/** A subscription with its first signing secret, shown only here. */
export class CreatedSubscriptionResponse extends SubscriptionResponse {
  @ApiProperty(SECRET)
  secret!: string;
}

export class RotatedSecretResponse {
  @ApiProperty(SECRET)
  secret!: string;

  @ApiProperty({ type: 'integer', description: 'How long older secrets keep signing', example: DAY_SECONDS })
  overlap_seconds!: number;

  @ApiProperty(INSTANT)
  previous_secrets_expire_at!: string;
}

export class SubscriptionTestResponse {
  @ApiProperty({ type: String, description: 'The `webhook-id` of the test', example: exampleId('evt') })
  event_id!: EventId;

  @ApiProperty({ description: 'Whether the receiver accepted it' })
  delivered!: boolean;

  @ApiProperty({ type: 'integer', nullable: true, description: "HTTP status of the receiver's response", example: 204 })
  status!: number | null;

  @ApiProperty({ enum: ATTEMPT_ERRORS, nullable: true, description: 'Why it was not accepted', example: null })
  error!: AttemptError | null;

  @ApiProperty({ type: 'integer', example: 120 })
  duration_ms!: number;
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
