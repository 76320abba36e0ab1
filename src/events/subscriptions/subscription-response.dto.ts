import type { DeliveryRow, DeliveryStatus } from '../deliveries/deliveries.service.ts';
import type { SubscriptionRow, SubscriptionStatus } from './subscription.ts';
import type { SubscriptionTestResult } from './subscription-tester.ts';

/** A subscription as the API shows it. */
export interface SubscriptionResponse {
  id: string;
  url: string;
  events: readonly string[];
  /** Null: all. */
  tenants: readonly string[] | null;
  products: readonly string[] | null;
  status: SubscriptionStatus;
  /** `gone`: it ended, because its receiver answered 410. */
  status_reason: string | null;
  /** Nothing is sent before, because the receiver asked for a rest. */
  resume_at: string | null;
  failing_since: string | null;
  last_delivered_at: string | null;
  created_at: string;
  updated_at: string;
}

/** A delivery as the API shows it. */
export interface DeliveryResponse {
  id: string;
  subscription_id: string;
  /** The `webhook-id` of each of its attempts. */
  event_id: string;
  type: string;
  tenant: string | null;
  connection_id: string | null;
  status: DeliveryStatus;
  /** Since it was made or replayed. */
  attempts: number;
  last_attempt_at: string | null;
  /** The HTTP status of the last answer. */
  last_status: number | null;
  last_error: string | null;
  /** Null while it has not been tried, or waits for one of its connection that was before it. */
  next_attempt_at: string | null;
  delivered_at: string | null;
  created_at: string;
}

export interface SubscriptionTestResponse {
  event_id: string;
  delivered: boolean;
  status: number | null;
  error: string | null;
  duration_ms: number;
}

export function toSubscriptionResponse(row: SubscriptionRow): SubscriptionResponse {
  return {
    ...row,
    resume_at: text(row.resume_at),
    failing_since: text(row.failing_since),
    last_delivered_at: text(row.last_delivered_at),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

export function toDeliveryResponse(row: DeliveryRow): DeliveryResponse {
  return {
    ...row,
    last_attempt_at: text(row.last_attempt_at),
    next_attempt_at: text(row.next_attempt_at),
    delivered_at: text(row.delivered_at),
    created_at: row.created_at.toISOString(),
  };
}

export function toSubscriptionTestResponse(result: SubscriptionTestResult): SubscriptionTestResponse {
  const { eventId, durationMs, ...rest } = result;
  return { event_id: eventId, ...rest, duration_ms: durationMs };
}

function text(instant: Date | null): string | null {
  return instant?.toISOString() ?? null;
}
