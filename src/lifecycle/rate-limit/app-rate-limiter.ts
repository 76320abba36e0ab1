import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CircuitState, CountBreaker } from 'cockatiel';
import { MetaError } from '../../meta/errors/meta-error.ts';
import { type UsageNotice, UsageObserver } from '../../meta/graph/usage-observer.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { JobScheduler } from '../../platform/jobs/job-scheduler.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { Random } from '../../platform/random.ts';
import { AppFailureReports } from './app-failure-reports.ts';
import { AppRateLimitRepository } from './app-rate-limit.repository.ts';
import { ObjectRateLimiter } from './object-rate-limiter.ts';
import {
  type Allowance,
  type AppRateLimitState,
  allowanceOf,
  applyStop,
  breakerSeconds,
  limitProbeCutoff,
  PROBE_INTERVAL_SECONDS,
  REFUSED_PROBE_INTERVAL_SECONDS,
  stopForThrottle,
  stopForUsage,
  UNKNOWN_RATE_LIMIT,
} from './rate-limit-rules.ts';

/** Nothing was sent, because the app or the object is at a rate limit, or Meta is down. */
export class CallNotPermittedError extends Error {
  constructor(
    /** `object_throttled`: only this object is affected. `app_refused`: Meta rejects the app, not its tokens. */
    readonly reason: 'throttled' | 'usage' | 'unavailable' | 'app_refused' | 'object_throttled',
    readonly until: Date,
  ) {
    super(`calls to Meta are stopped (${reason}) until ${until.toISOString()}`);
    this.name = 'CallNotPermittedError';
  }
}

/**
 * `forced`: requested by a user. Ignores rate-limit stops, and probes an open breaker at once. `urgent`: for a token
 * that would expire while waiting, within a probe from `claimLimitProbe`. Ignores rate-limit stops only.
 */
export type Urgency = 'scheduled' | 'urgent' | 'forced';

/** Objects whose rate limits a call counts against, in addition to the app's, by Meta's ids: user, Page, account. */
export interface CallSubject {
  /** A refusal is recorded for the first. */
  objectIds: readonly string[];
}

/** For calls that count only against the app, such as exchanges and `debug_token`. */
const APP_ONLY: CallSubject = { objectIds: [] };

/** Concurrent calls per app and replica without any limit in effect. */
export const MAX_CONCURRENT_CALLS = 64;

const REREAD_MS = 1_000;
const FLUSH_MS = 1_000;
/** Another replica may probe if the outcome is not reported within this time. */
const BREAKER_PROBE_SECONDS = 30;
const BREAKER = { threshold: 0.5, size: 20, minimumNumberOfCalls: 10 };

interface AppState {
  shared: AppRateLimitState;
  readAtMs: number | null;
  breaker: CountBreaker;
  unsaved: boolean;
  isLimitProbeOver: boolean;
}

/**
 * Limits background calls per app. What this replica observes counts here at once, and on others once stored: changes
 * only, at most one write a second. A circuit breaker stops all calls while Meta is down: cockatiel counts, the
 * database holds the state.
 */
@Injectable()
export class AppRateLimiter extends UsageObserver implements OnApplicationShutdown {
  private readonly apps = new Map<string, AppState>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly repository: AppRateLimitRepository,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly jobs: JobScheduler,
    private readonly objects: ObjectRateLimiter,
    private readonly failures: AppFailureReports,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    super();
  }

  /** Returns how many concurrent calls the app may make now. */
  async allowance(appId: string): Promise<Allowance> {
    return allowanceOf(await this.current(appId), this.clock.now(), MAX_CONCURRENT_CALLS);
  }

  /**
   * Makes a call if limits allow it, and learns from the outcome. Throws `CallNotPermittedError`, or what the call
   * throws.
   */
  async call<T>(appId: string, urgency: Urgency, send: () => Promise<T>, subject = APP_ONLY): Promise<T> {
    await this.acquire(appId, urgency, subject);
    try {
      const result = await send();
      await this.succeeded(appId);
      await this.failures.accepted(appId, this.appState(appId).shared);
      return result;
    } catch (error) {
      if (error instanceof MetaError) {
        if (isOutage(error)) await this.failed(appId);
        else await this.succeeded(appId);
        await this.failures.refused(appId, error);
        this.recordObjectLimit(appId, subject, error);
        if (urgency === 'urgent' && isAppLimit(error)) await this.endLimitProbe(appId);
      }
      throw error;
    }
  }

  /**
   * Claims a probe: a few refreshes during a rate-limit stop, of tokens that expire before the returned time. Null
   * without such a stop, too early, or if another replica has it. One probe a minute over all replicas; none for ten
   * minutes after a refused one.
   */
  async claimLimitProbe(appId: string, nearEndSeconds: number): Promise<Date | null> {
    const now = this.clock.now();
    const endsBefore = limitProbeCutoff(await this.current(appId), now, nearEndSeconds);
    if (endsBefore === null || !(await this.repository.claimLimitProbe(appId, addSeconds(now, PROBE_INTERVAL_SECONDS))))
      return null;
    this.appState(appId).isLimitProbeOver = false;
    return endsBefore;
  }

  /** Returns whether Meta throttled this replica's probe: another call would only prolong the block. */
  isLimitProbeOver(appId: string): boolean {
    return this.appState(appId).isLimitProbeOver;
  }

  /** Returns whether this replica knows that Meta is down for the app. */
  isDown(appId: string): boolean {
    return this.appState(appId).shared.breaker === 'open';
  }

  /** Records the outcomes of the calls in a batch. */
  async recordOutcomes(appId: string, errors: readonly MetaError[], successes: number): Promise<void> {
    for (const error of errors) if (isOutage(error)) await this.failed(appId);
    const [first] = errors;
    if (first !== undefined) await this.failures.refused(appId, first);
    if (successes === 0) return;
    await this.succeeded(appId);
    await this.failures.accepted(appId, this.appState(appId).shared);
  }

  /** Throws `CallNotPermittedError` if the app must not be called now. Claims the breaker's probe if needed. */
  async acquire(appId: string, urgency: Urgency, { objectIds } = APP_ONLY): Promise<void> {
    const heldUntil = urgency === 'forced' ? null : await this.objects.stoppedUntil(appId, objectIds);
    if (heldUntil !== null) throw new CallNotPermittedError('object_throttled', heldUntil);
    const allowance = allowanceOf(await this.current(appId), this.clock.now(), MAX_CONCURRENT_CALLS);
    if (allowance.kind === 'go') return;
    const limited = allowance.kind === 'stop' && allowance.cause !== 'unavailable';
    if (limited && urgency !== 'scheduled') return;
    if (limited) throw new CallNotPermittedError(allowance.cause, allowance.until);
    if (allowance.kind === 'stop' && urgency !== 'forced')
      throw new CallNotPermittedError(await this.failures.outageOf(appId), allowance.until);
    const until = addSeconds(this.clock.now(), BREAKER_PROBE_SECONDS);
    if (await this.repository.claimBreakerProbe(appId, until, urgency === 'forced')) {
      this.appState(appId).readAtMs = null;
      return;
    }
    this.appState(appId).readAtMs = null;
    const now = await this.current(appId);
    // Another replica has closed it, or is probing.
    if (now.breaker === 'closed') return;
    throw new CallNotPermittedError(await this.failures.outageOf(appId), now.breakerUntil ?? until);
  }

  override observe(appId: string, notice: UsageNotice): void {
    const { usage, throttle } = notice;
    const state = this.appState(appId);
    const now = this.clock.now();
    const before = state.shared;
    const reported =
      throttle === null
        ? stopForUsage(usage.appUsagePercent)
        : stopForThrottle(throttle.scope, throttle.retryAfterSeconds, before.throttles);
    const isAppThrottled = throttle?.scope === 'app';
    state.shared = {
      ...applyStop(before, now, reported),
      ...(usage.appUsagePercent === null ? {} : { usagePercent: usage.appUsagePercent, usageAt: now }),
      throttles: isAppThrottled ? before.throttles + 1 : throttle === null ? 0 : before.throttles,
    };
    this.objects.observe(appId, notice);
    const hasChanges =
      state.shared.stoppedUntil !== before.stoppedUntil ||
      Math.round(before.usagePercent) !== Math.round(state.shared.usagePercent) ||
      before.throttles !== state.shared.throttles;
    if (hasChanges) state.unsaved = true;
    if (isAppThrottled) this.failures.throttled(appId);
    if (hasChanges || this.objects.hasUnsaved) this.scheduleFlush();
  }

  /** Stores what this replica observed, for the others. */
  async flush(): Promise<void> {
    await this.objects.flush();
    await this.failures.flush((appId) => this.appState(appId).shared);
    for (const [appId, state] of this.apps) {
      if (!state.unsaved) continue;
      state.unsaved = false;
      try {
        await this.repository.merge(appId, state.shared);
      } catch (error) {
        state.unsaved = true;
        this.logger.warn(
          { err: error, app_id: appId },
          'the rate limit of an app could not be stored for other replicas',
        );
      }
    }
  }

  /** At shutdown rather than destroy, because jobs still report until then. */
  async onApplicationShutdown(): Promise<void> {
    await this.jobs.drain();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.flush();
  }

  private async endLimitProbe(appId: string): Promise<void> {
    this.appState(appId).isLimitProbeOver = true;
    await this.repository.postponeLimitProbe(appId, addSeconds(this.clock.now(), REFUSED_PROBE_INTERVAL_SECONDS));
  }

  private async succeeded(appId: string): Promise<void> {
    const state = this.appState(appId);
    const wasOpen = state.shared.breaker === 'open';
    state.breaker.success(wasOpen ? CircuitState.HalfOpen : CircuitState.Closed);
    if (!wasOpen) return;
    await this.repository.close(appId);
    state.shared = { ...state.shared, breaker: 'closed', breakerUntil: null, openings: 0 };
    this.logger.info({ app_id: appId }, 'Meta responds again: the circuit breaker is closed');
  }

  private async failed(appId: string): Promise<void> {
    const state = this.appState(appId);
    const wasOpen = state.shared.breaker === 'open';
    if (!state.breaker.failure(wasOpen ? CircuitState.HalfOpen : CircuitState.Closed)) return;
    const until = addSeconds(this.clock.now(), breakerSeconds(state.shared.openings + 1, this.random.fraction()));
    await this.repository.open(appId, until);
    state.shared = { ...state.shared, breaker: 'open', breakerUntil: until };
    state.readAtMs = null;
    if (!wasOpen) this.logger.warn({ app_id: appId, until }, 'Meta is down: the circuit breaker is open');
  }

  private async current(appId: string): Promise<AppRateLimitState> {
    const state = this.appState(appId);
    const nowMs = this.clock.now().getTime();
    if (state.readAtMs !== null && Math.abs(nowMs - state.readAtMs) < REREAD_MS) return state.shared;
    state.readAtMs = nowMs;
    const stored = await this.repository.read(appId);
    const own = state.shared;
    const ownUsage = own.usageAt !== null && (stored.usageAt === null || own.usageAt > stored.usageAt);
    const ownStop =
      own.stoppedUntil !== null && (stored.stoppedUntil === null || own.stoppedUntil > stored.stoppedUntil);
    state.shared = {
      ...stored,
      ...(ownUsage ? { usagePercent: own.usagePercent, usageAt: own.usageAt } : {}),
      ...(ownStop ? { stoppedUntil: own.stoppedUntil, stopCause: own.stopCause, stoppedSince: own.stoppedSince } : {}),
      throttles: Math.max(own.throttles, 0),
    };
    return state.shared;
  }

  private appState(appId: string): AppState {
    const known = this.apps.get(appId);
    if (known !== undefined) return known;
    const fresh: AppState = {
      shared: UNKNOWN_RATE_LIMIT,
      readAtMs: null,
      breaker: new CountBreaker(BREAKER),
      unsaved: false,
      isLimitProbeOver: true,
    };
    this.apps.set(appId, fresh);
    return fresh;
  }

  private recordObjectLimit(appId: string, { objectIds }: CallSubject, { verdict }: MetaError): void {
    const [objectId] = objectIds;
    if (verdict.kind !== 'throttled' || objectId === undefined) return;
    this.objects.stop(appId, objectId, verdict.scope, verdict.retryAfterSeconds);
    if (this.objects.hasUnsaved) this.scheduleFlush();
  }

  private scheduleFlush(): void {
    if (this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.flush();
    }, FLUSH_MS);
    this.timer.unref();
  }
}

/** Meta is down, or our app is misconfigured: other credentials would fail as well. */
function isOutage(error: MetaError): boolean {
  return error.verdict.kind === 'transient' || error.verdict.kind === 'configuration';
}

function isAppLimit({ verdict }: MetaError): boolean {
  return verdict.kind === 'throttled' && verdict.scope === 'app';
}
