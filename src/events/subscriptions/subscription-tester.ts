import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { AppError, serviceUnavailable } from '../../platform/problem.ts';
import type { EventId } from '../ids.ts';
import { TEST_EVENT_TYPE } from '../outbox/event-type.ts';
import type { AttemptError } from '../subscribers/attempt.ts';
import { DeliverySender } from '../subscribers/delivery-sender.ts';
import type { WebhookMessage } from '../subscribers/standard-webhook.ts';
import type { SubscriptionScope } from './requester.ts';
import { SubscriberResolver } from './subscriber-resolver.ts';
import { SubscriptionsService } from './subscriptions.service.ts';

export interface SubscriptionTestResult {
  /** The `webhook-id` that was sent. */
  eventId: EventId;
  delivered: boolean;
  status: number | null;
  error: AttemptError | null;
  durationMs: number;
}

/**
 * Sends one test delivery at once, for developers of receivers. Stores and retries nothing, and works while the
 * subscription is paused.
 */
@Injectable()
export class SubscriptionTester {
  constructor(
    private readonly subscriptions: SubscriptionsService,
    private readonly subscribers: SubscriberResolver,
    private readonly sender: DeliverySender,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Throws 404 `subscription_not_found`, or 503 if the replica shuts down in the meantime. */
  async send(given: string, scope: SubscriptionScope): Promise<SubscriptionTestResult> {
    const { id, revision } = await this.subscriptions.get(given, scope);
    const subscriber = await this.subscribers.get(id, revision);
    const eventId = this.ids.next('evt');
    if (typeof subscriber === 'string') {
      return { eventId, delivered: false, status: null, error: subscriber, durationMs: 0 };
    }
    const startedMs = performance.now();
    const data = JSON.stringify({ subscription_id: id });
    const message: WebhookMessage = { id: eventId, type: TEST_EVENT_TYPE, at: this.clock.now(), data };
    const attempt = await this.sender.send(subscriber, message);
    if (attempt === null) throw new AppError(serviceUnavailable, { retryAfterSeconds: 5 });
    return {
      eventId,
      delivered: attempt.error === null,
      status: attempt.status,
      error: attempt.error,
      durationMs: Math.round(performance.now() - startedMs),
    };
  }
}
