import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.ts';
import { HttpFailure, type StreamedHttpAnswer } from '../../platform/http-client/http-client.ts';
import { AddressRefused, SubscriberHttp } from '../subscriptions/subscriber-http-client.ts';
import type { Subscriber } from '../subscriptions/subscriber-resolver.ts';
import type { Attempt, AttemptError } from './classify-attempt.ts';
import { retryAfterSeconds } from './retry-schedule.ts';
import { type WebhookMessage, webhookBody, webhookHeaders } from './standard-webhook.ts';

/** The whole of one request. */
const TIMEOUT_MS = 10_000;
/** An answer's body is of no interest; so much of it is read for the connection to be used again. */
const MOST_ANSWER_BYTES = 16 * 1024;

/** One signed request to a subscriber. Redirects are not followed: a subscriber that moved is told of by its subscription. */
@Injectable()
export class SendDelivery {
  readonly #underWay = new Set<AbortController>();

  constructor(
    private readonly http: SubscriberHttp,
    private readonly clock: Clock,
  ) {}

  /** Never throws. Null: cut off by `abortAll`, nothing is known. */
  async send(subscriber: Subscriber, message: WebhookMessage): Promise<Attempt | null> {
    const controller = new AbortController();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      controller.abort();
    }, TIMEOUT_MS);
    this.#underWay.add(controller);
    const body = webhookBody(message);
    try {
      const answer = await this.http.stream({
        method: 'POST',
        url: subscriber.url,
        headers: webhookHeaders(message.id, body, subscriber.secrets, this.clock.now()),
        body,
        timeoutMs: TIMEOUT_MS,
        signal: controller.signal,
      });
      await discard(answer);
      return this.read(answer);
    } catch (error) {
      if (controller.signal.aborted && !isLate) return null;
      return { status: null, error: isLate ? 'timeout' : errorOf(error), retryAfterSeconds: null };
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(controller);
    }
  }

  /** Cuts off what is under way, at the end of a shutdown's patience. */
  abortAll(): void {
    for (const controller of this.#underWay) controller.abort();
  }

  close(): Promise<void> {
    return this.http.close();
  }

  private read({ status, headers }: StreamedHttpAnswer): Attempt {
    if (status >= 200 && status < 300) return { status, error: null, retryAfterSeconds: null };
    const asked = status === 429 || status === 503 ? retryAfterSeconds(headers['retry-after'], this.clock.now()) : null;
    return { status, error: status >= 300 && status < 400 ? 'redirect' : 'http_status', retryAfterSeconds: asked };
  }
}

/** Reads a short body to its end and breaks off a long one. The status stands already, so how the body ends changes nothing. */
async function discard({ body }: StreamedHttpAnswer): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MOST_ANSWER_BYTES) break;
    }
  } catch {
    body.destroy();
  }
}

function errorOf(error: unknown): AttemptError {
  if (!(error instanceof HttpFailure)) return 'reset';
  if (error.cause instanceof AddressRefused) return 'address_refused';
  return error.reason === 'timeout' || error.reason === 'connect' ? error.reason : 'reset';
}
