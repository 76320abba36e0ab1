import { Inject, Injectable } from '@nestjs/common';
import { type Actor } from '../audit/actor.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { Database } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { AppError } from '../platform/problem.ts';
import { type Callback, WebhookMetrics } from './webhook-metrics.ts';
import { signatureInvalid } from './webhook-problems.ts';

/** The sender claimed to be Meta. */
export const META_ACTOR: Actor = Object.freeze({ kind: 'meta', id: null });

const WINDOW_MS = 60_000;

interface Window {
  endsAtMs: number;
  suppressed: number;
}

/** Refuses calls with invalid signatures. Writes at most one audit entry per minute, kind, and replica. */
@Injectable()
export class SignatureRejections {
  readonly #windows = new Map<Callback, Window>();

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly metrics: WebhookMetrics,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /** Records the rejection and returns the error to throw. */
  async signature(callback: Callback, requestId: string): Promise<AppError> {
    this.metrics.callback(callback, 'signature');
    await this.record(callback, requestId);
    return new AppError(signatureInvalid);
  }

  private async record(callback: Callback, requestId: string): Promise<void> {
    const nowMs = this.clock.now().getTime();
    const window = this.#windows.get(callback);
    if (window !== undefined && nowMs < window.endsAtMs) {
      window.suppressed++;
      return;
    }
    this.#windows.set(callback, { endsAtMs: nowMs + WINDOW_MS, suppressed: 0 });
    const details = { callback, reason: 'signature', rejected_before: window?.suppressed ?? 0 };
    try {
      await this.audit.record(this.database, { action: 'webhook.rejected', actor: META_ACTOR, requestId, details });
    } catch (error) {
      // The rejection stands even if it can't be recorded.
      this.logger.error({ err: error }, 'could not record a rejected webhook');
    }
  }
}
