import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.ts';
import { HttpRequestError, type StreamedHttpResponse } from '../../platform/http-client/http-client.ts';
import { Timers } from '../../platform/timers.ts';
import { inSpan, type SpanAttributes, traceHeaders } from '../../platform/tracing.ts';
import type { Attempt, AttemptError } from './attempt.ts';
import { retryAfterSeconds } from './retry-after.ts';
import { buildWebhookBody, buildWebhookHeaders, type WebhookMessage } from './standard-webhook.ts';
import type { Subscriber } from './subscriber.ts';
import { AddressRefusedError, SubscriberHttpClient } from './subscriber-http-client.ts';

/** For the whole request. */
const TIMEOUT_MS = 10_000;
/** Response bodies are ignored. Reading this much of one allows the connection to be reused. */
const MAX_RESPONSE_BYTES = 16 * 1024;

/** Sends signed requests to subscribers. Never follows redirects: if a receiver moves, change its subscription. */
@Injectable()
export class DeliverySender {
  readonly #inFlight = new Set<AbortController>();
  #isAborted = false;

  constructor(
    private readonly http: SubscriberHttpClient,
    private readonly clock: Clock,
    private readonly timers: Timers,
  ) {}

  /** Never throws. Null: aborted by `abortAll`, so the outcome is unknown, or the request was never sent. */
  send(subscriber: Subscriber, message: WebhookMessage): Promise<Attempt | null> {
    const attributes = { 'metavault.event.type': message.type };
    return inSpan({ name: 'delivery', kind: 'client', attributes }, async (span) => {
      const attempt = await this.attempt(subscriber, message);
      if (attempt !== null) span.set(describeAttempt(attempt));
      return attempt;
    });
  }

  private async attempt(subscriber: Subscriber, message: WebhookMessage): Promise<Attempt | null> {
    if (this.#isAborted) return null;
    const controller = new AbortController();
    let isTimedOut = false;
    const stopTimer = this.timers.start(TIMEOUT_MS, () => {
      isTimedOut = true;
      controller.abort();
    });
    this.#inFlight.add(controller);
    const body = buildWebhookBody(message);
    try {
      const response = await this.http.stream({
        method: 'POST',
        url: subscriber.url,
        headers: {
          ...buildWebhookHeaders(message.id, body, subscriber.secrets, this.clock.now()),
          ...traceHeaders(),
        },
        body,
        timeoutMs: TIMEOUT_MS,
        signal: controller.signal,
      });
      await discard(response);
      return this.toAttempt(response);
    } catch (error) {
      if (controller.signal.aborted && !isTimedOut) return null;
      return { status: null, error: isTimedOut ? 'timeout' : errorOf(error), retryAfterSeconds: null };
    } finally {
      stopTimer();
      this.#inFlight.delete(controller);
    }
  }

  /** Aborts open requests when a shutdown takes too long, and prevents new ones. */
  abortAll(): void {
    this.#isAborted = true;
    for (const controller of this.#inFlight) controller.abort();
  }

  close(): Promise<void> {
    return this.http.close();
  }

  private toAttempt({ status, headers }: StreamedHttpResponse): Attempt {
    if (status >= 200 && status < 300) return { status, error: null, retryAfterSeconds: null };
    const requestedSeconds =
      status === 429 || status === 503 ? retryAfterSeconds(headers['retry-after'], this.clock.now()) : null;
    return {
      status,
      error: status >= 300 && status < 400 ? 'redirect' : 'http_status',
      retryAfterSeconds: requestedSeconds,
    };
  }
}

function describeAttempt({ status, error }: Attempt): SpanAttributes {
  return {
    ...(status === null ? {} : { 'http.response.status_code': status }),
    ...(error === null ? {} : { 'error.type': error }),
  };
}

/** Drains a short body and aborts a long one. The status is known, so errors here don't matter. */
async function discard({ body }: StreamedHttpResponse): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_RESPONSE_BYTES) break;
    }
  } catch {
    body.destroy();
  }
}

function errorOf(error: unknown): AttemptError {
  if (!(error instanceof HttpRequestError)) return 'reset';
  if (error.cause instanceof AddressRefusedError) return 'address_refused';
  return error.reason === 'timeout' || error.reason === 'connect' ? error.reason : 'reset';
}
