import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMinSize, ArrayUnique, IsArray, IsIn, IsString } from 'class-validator';
import type { Id } from '../../platform/ids.ts';
import { parseInstant } from '../../platform/instant.ts';
import { exampleId, INSTANT, INSTANT_OR_NULL } from '../../platform/openapi/examples.ts';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { invalidInputError } from '../../platform/problem.ts';
import type { DeliveryId, EventId, SubscriptionId } from '../ids.ts';
import { addDescription } from '../outbox/event-data.ts';
import { EVENT_TYPES, type EventType } from '../outbox/event-type.ts';
import {
  DELIVERY_ERRORS,
  DELIVERY_STATUSES,
  type DeliveryError,
  type DeliveryStatus,
} from '../queue/delivery-status.ts';
import type { ReplayRange } from './deliveries.service.ts';
import type { DeliveredEventRow, DeliveryRow } from './delivery.repository.ts';

/** Body of `POST /v1/subscriptions/{id}/replay`. */
export class ReplayRequest {
  @ApiProperty({ ...INSTANT, description: 'Replay deliveries created at or after this instant' })
  @IsString()
  from!: string;

  @ApiPropertyOptional({ ...INSTANT, description: 'and before this one. Default: now' })
  @IsOptionalNotNull()
  @IsString()
  to?: string;

  @ApiPropertyOptional({
    enum: ['delivered', 'dead'],
    isArray: true,
    minItems: 1,
    uniqueItems: true,
    default: ['dead'],
    description: 'Which deliveries to replay',
  })
  @IsOptionalNotNull()
  @IsIn(['delivered', 'dead'], { each: true })
  @ArrayUnique()
  @ArrayMinSize(1)
  @IsArray()
  statuses: ('delivered' | 'dead')[] = ['dead'];
}

/** Query of `GET /v1/subscriptions/{id}/deliveries`. */
export class ListDeliveriesRequest extends PageRequest {
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES, description: 'Deliveries in this state' })
  @IsOptionalNotNull()
  @IsIn(DELIVERY_STATUSES)
  status?: DeliveryStatus;
}

/** Parses the range. Throws 400 `invalid_request`. */
export function toReplayRange(request: ReplayRequest, now: Date): ReplayRange {
  const from = parseInstant('from', request.from);
  const to = request.to === undefined ? now : parseInstant('to', request.to);
  if (from.getTime() < 0) throw invalidInputError('from', 'is before 1970');
  if (to <= from) throw invalidInputError('to', 'must be later than from');
  return { from, to, statuses: request.statuses };
}

/** A delivery as the API shows it. */
export class DeliveryResponse {
  @ApiProperty({ type: String, example: exampleId('dlv') })
  id!: DeliveryId;

  @ApiProperty({ type: String, example: exampleId('sub') })
  subscription_id!: SubscriptionId;

  @ApiProperty({ type: String, description: 'The `webhook-id` of every attempt', example: exampleId('evt') })
  event_id!: EventId;

  @ApiProperty({ enum: EVENT_TYPES })
  type!: EventType;

  @ApiProperty({ type: String, nullable: true, example: 'acme' })
  tenant!: string | null;

  @ApiProperty({ type: String, nullable: true, example: exampleId('con') })
  connection_id!: Id<'con'> | null;

  @ApiProperty({ enum: DELIVERY_STATUSES, description: '`dead`: given up, and replayed only on request' })
  status!: DeliveryStatus;

  @ApiProperty({ type: 'integer', description: 'Since the delivery was created or last replayed', example: 1 })
  attempts!: number;

  @ApiProperty(INSTANT_OR_NULL)
  last_attempt_at!: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'HTTP status of the last response', example: 204 })
  last_status!: number | null;

  @ApiProperty({ enum: DELIVERY_ERRORS, nullable: true, description: 'Why the last attempt failed', example: null })
  last_error!: DeliveryError | null;

  @ApiProperty({
    ...INSTANT_OR_NULL,
    description: 'Null before the first attempt, or while an earlier delivery of its connection is pending',
  })
  next_attempt_at!: string | null;

  @ApiProperty(INSTANT_OR_NULL)
  delivered_at!: string | null;

  @ApiProperty(INSTANT)
  created_at!: string;
}

/** Why an event's data is not shown. */
const HIDDEN_DATA = ['sealed', 'gone'] as const;

/** The event of a delivery, as its receiver gets it. */
export class DeliveredEventResponse {
  @ApiProperty({ type: String, description: 'The `webhook-id`', example: exampleId('evt') })
  id!: EventId;

  @ApiProperty({ enum: EVENT_TYPES })
  type!: EventType;

  @ApiProperty({ ...INSTANT, description: 'When it happened' })
  timestamp!: string;

  @ApiProperty({
    type: 'object',
    nullable: true,
    additionalProperties: true,
    description: 'What happened; null: see `hidden`',
    example: { connection_id: exampleId('con'), tenant: 'acme' },
  })
  data!: Record<string, unknown> | null;

  @ApiProperty({
    type: 'string',
    enum: HIDDEN_DATA,
    nullable: true,
    description: "Why there is no `data`: it is Meta's, which only receivers get, or deleted",
    example: null,
  })
  hidden!: (typeof HIDDEN_DATA)[number] | null;
}

export class ReplayResponse {
  @ApiProperty({ type: 'integer', description: 'How many deliveries are sent again', example: 12 })
  replayed!: number;
}

export function toDeliveredEventResponse(row: DeliveredEventRow): DeliveredEventResponse {
  const data = row.data === null ? null : (JSON.parse(addDescription(row.data, row)) as Record<string, unknown>);
  return {
    id: row.id,
    type: row.type,
    timestamp: row.created_at.toISOString(),
    data,
    hidden: data !== null ? null : row.is_sealed ? 'sealed' : 'gone',
  };
}

export function toDeliveryResponse(row: DeliveryRow): DeliveryResponse {
  return {
    ...row,
    last_attempt_at: toText(row.last_attempt_at),
    next_attempt_at: toText(row.next_attempt_at),
    delivered_at: toText(row.delivered_at),
    created_at: row.created_at.toISOString(),
  };
}

function toText(instant: Date | null): string | null {
  return instant?.toISOString() ?? null;
}
