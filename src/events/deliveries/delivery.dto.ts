import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMinSize, ArrayUnique, IsArray, IsIn, IsString, ValidateIf } from 'class-validator';
import type { Id } from '../../platform/ids.ts';
import { parseInstant } from '../../platform/instant.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { invalidInputError } from '../../platform/problem.ts';
import type { DeliveryId, EventId, SubscriptionId } from '../ids.ts';
import type { EventType } from '../outbox/event-type.ts';
import { DELIVERY_STATUSES, type DeliveryError, type DeliveryStatus } from '../queue/delivery-status.ts';
import type { ReplayRange } from './deliveries.service.ts';
import type { DeliveryRow } from './delivery.repository.ts';

/** May be absent but not null, which would read like "none". */
const IsOptionalNotNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** Body of `POST /v1/subscriptions/{id}/replay`. */
export class ReplayRequest {
  @ApiProperty({ format: 'date-time', description: 'Replay deliveries created at or after this instant' })
  @IsString()
  from!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'and before this one. Default: now' })
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
export class ListDeliveriesRequest extends PageRequest {
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES })
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
export interface DeliveryResponse {
  id: DeliveryId;
  subscription_id: SubscriptionId;
  /** The `webhook-id` of every attempt. */
  event_id: EventId;
  type: EventType;
  tenant: string | null;
  connection_id: Id<'con'> | null;
  status: DeliveryStatus;
  /** Since the delivery was created or last replayed. */
  attempts: number;
  last_attempt_at: string | null;
  /** The HTTP status of the last response. */
  last_status: number | null;
  last_error: DeliveryError | null;
  /** Null before the first attempt, or while an earlier delivery of its connection is pending. */
  next_attempt_at: string | null;
  delivered_at: string | null;
  created_at: string;
}

/** Number of deliveries replayed. */
export interface ReplayResponse {
  replayed: number;
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
