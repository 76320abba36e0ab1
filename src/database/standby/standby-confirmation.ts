import { setTimeout as sleep } from 'node:timers/promises';
import { settleWithin } from '../../platform/settle-within.ts';
import type { DatabaseAvailability } from '../database-availability.ts';
import { ReadOnlyServerError } from '../servers/server-client.ts';
import type { SqlExecutor } from '../statement.ts';
import { DatabaseTimeoutError } from '../with-timeout.ts';
import { selectReplication } from './replication.query.ts';

/** `standby`: at least one standby also has it on disk. `primary`: it would be lost with the primary's disk. */
type Durability = 'standby' | 'primary';

/** A place in the WAL. */
export interface WalPosition {
  /** If it differs, a standby was promoted in between. */
  timeline: string;
  lsn: bigint;
}

/** What is known about committed work. */
export interface Confirmation {
  durability: Durability;
  /** Where the WAL was after the commit. */
  position: WalPosition;
  /** Whether there is or was a standby, so that `primary` means less durability than usual. */
  isStandbyExpected: boolean;
}

/** The state of replication at one moment. */
export interface Replication {
  position: WalPosition;
  /** What the most advanced standby has on disk; null: unknown, or there is none. */
  confirmed: bigint | null;
}

type ConfirmationListener = (confirmation: Confirmation) => void;

interface Waiter {
  /** Null: unknown when the work began. */
  timeline: string | null;
  /** Null until the first check after the commit. */
  lsn: bigint | null;
  settle(durability: Durability, position: WalPosition): void;
  fail(error: unknown): void;
}

/** Longest wait for a standby: together with the statements before it, a request stays within its two seconds. */
const CONFIRM_WITHIN_MS = 1_000;
const LOOK_INTERVAL_MS = 5;
/** A check that takes longer may be on a dead connection: another one starts in parallel. */
const SLOW_LOOK_MS = 300;
/** How long to remember that there is no standby, so that not every commit checks. */
const NONE_FOR_MS = 1_000;

/**
 * Waits after a commit until a standby has it on disk, so that a failover cannot undo it, even if replication is
 * asynchronous. All waiting calls share one query of `pg_stat_replication` at a time.
 */
export class StandbyConfirmation {
  readonly #waiters = new Set<Waiter>();
  #isLooking = false;
  #timeline: string | null = null;
  #isExpected = false;
  #none: { position: WalPosition; untilMs: number } | null = null;
  #listener: ConfirmationListener = () => undefined;

  constructor(
    private readonly executor: SqlExecutor,
    private readonly availability: DatabaseAvailability,
  ) {}

  onConfirmation(listener: ConfirmationListener): void {
    this.#listener = listener;
  }

  /**
   * Runs `work`, which commits, then waits for a standby: at most a second, and not at all if there is none. Throws
   * what `work` throws, and 503 `database_unavailable` if the database fails over or becomes unavailable while waiting:
   * it is then unknown whether the commit survived.
   */
  async confirm<T>(work: () => Promise<T>): Promise<{ result: T; confirmation: Confirmation }> {
    const timeline = this.#timeline;
    const result = await work();
    const confirmation = await this.wait(timeline);
    this.#listener(confirmation);
    return { result, confirmation };
  }

  /** Throws 503 `database_unavailable`, also if this server is a standby. */
  async look(): Promise<Replication> {
    const [row] = await this.executor.rows(selectReplication({}));
    if (row === undefined || row.written === null || row.timeline === null)
      throw this.availability.unavailable(new ReadOnlyServerError());
    const position = { timeline: row.timeline, lsn: BigInt(row.written) };
    // A slow check may finish after a newer one. Timelines only increase.
    if (this.#timeline === null || row.timeline > this.#timeline) this.#timeline = row.timeline;
    // A standby that was connected before may return at any time.
    this.#isExpected ||= row.is_connected || row.has_slot;
    this.#none = this.#isExpected ? null : { position, untilMs: performance.now() + NONE_FOR_MS };
    return { position, confirmed: row.confirmed === null ? null : BigInt(row.confirmed) };
  }

  private async wait(timeline: string | null): Promise<Confirmation> {
    const none = this.#none;
    if (none !== null && performance.now() < none.untilMs)
      return { durability: 'primary', position: none.position, isStandbyExpected: false };
    return new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        timeline,
        lsn: null,
        settle: (durability, position) =>
          finish(() => resolve({ durability, position, isStandbyExpected: this.#isExpected })),
        fail: (error) => finish(() => reject(error as Error)),
      };
      const timer = setTimeout(() => {
        if (waiter.lsn !== null && waiter.timeline !== null)
          waiter.settle('primary', { timeline: waiter.timeline, lsn: waiter.lsn });
        else waiter.fail(this.availability.unavailable(new DatabaseTimeoutError(CONFIRM_WITHIN_MS)));
      }, CONFIRM_WITHIN_MS);
      this.#waiters.add(waiter);
      void this.lookWhileAnyoneWaits();
    });
  }

  private async lookWhileAnyoneWaits(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#waiters.size > 0) {
      await settleWithin(this.lookForAll(), SLOW_LOOK_MS, undefined);
      if (this.#waiters.size > 0) await sleep(LOOK_INTERVAL_MS);
    }
    this.#isLooking = false;
  }

  private async lookForAll(): Promise<void> {
    // Calls that start to wait during the check may have committed after it.
    const waiting = [...this.#waiters];
    try {
      const seen = await this.look();
      for (const waiter of waiting) this.judge(waiter, seen);
    } catch (error) {
      for (const waiter of waiting) waiter.fail(error);
    }
  }

  private judge(waiter: Waiter, { position, confirmed }: Replication): void {
    waiter.timeline ??= position.timeline;
    waiter.lsn ??= position.lsn;
    const at = { timeline: waiter.timeline, lsn: waiter.lsn };
    if (at.timeline !== position.timeline)
      waiter.fail(this.availability.unavailable(new Error('a standby was promoted meanwhile')));
    else if (confirmed !== null && confirmed >= at.lsn) waiter.settle('standby', at);
    else if (confirmed === null) waiter.settle('primary', at);
  }
}
