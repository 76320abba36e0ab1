import { Inject, Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { AuditChain } from './audit-chain.ts';
import { type ChainLockHolder, findLockHolder, readTip } from './audit-link.repository.ts';

/** How long entries may wait while no replica links any, before linking counts as held up. */
const PATIENCE_MS = 15_000;

export const HOLD_UP_REASONS = ['locked', 'failing'] as const;

/** `locked`: another session holds the chain's lock. `failing`: the chain is broken or the database fails. */
export type HoldUpReason = (typeof HOLD_UP_REASONS)[number];

export interface ChainHoldUp {
  since: Date;
  reason: HoldUpReason;
}

/** How far linking has progressed. */
export interface ChainState {
  /** Entries in the chain. */
  entries: number;
  /** Recent entries waiting to be linked. */
  unlinked: number;
  /** Since when no replica has linked any; null: linking works. */
  heldUpSince: Date | null;
}

/** Detects when no replica links entries, and reports it in a metric, the log, and `holdUp` for readiness. */
@Injectable()
export class ChainProgress {
  #lastMovedAtMs: number;
  #lastLength = -1;
  #holdUp: ChainHoldUp | null = null;

  constructor(
    private readonly database: Database,
    private readonly chain: AuditChain,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
  ) {
    this.#lastMovedAtMs = clock.now().getTime();
    const secondsHeldUp = (): number => this.secondsHeldUp();
    new Gauge({
      name: 'metavault_audit_chain_held_up_seconds',
      help: 'Seconds since any replica last linked audit entries while some are waiting; 0 if linking works',
      registers: [registry],
      collect(): void {
        this.set(secondsHeldUp());
      },
    });
  }

  /** Null while linking works. */
  get holdUp(): ChainHoldUp | null {
    return this.#holdUp;
  }

  /** Reads how far the record is. */
  async state(): Promise<ChainState> {
    const [{ last }, unlinked] = await Promise.all([readTip(this.database), this.chain.countUnlinked()]);
    return { entries: last?.position ?? 0, unlinked, heldUpSince: this.#holdUp?.since ?? null };
  }

  /** Called when this replica linked successfully. */
  moved(): void {
    this.#lastMovedAtMs = this.clock.now().getTime();
    if (this.#holdUp === null) return;
    this.#holdUp = null;
    this.logger.info('audit entries are being linked again');
  }

  /** Called when this replica couldn't link. Another one may have, or nothing may be waiting. */
  async stalled(reason: HoldUpReason): Promise<void> {
    const { isMoving, holder } = await this.look().catch(() => ({ isMoving: false, holder: null }));
    if (isMoving) {
      this.moved();
      return;
    }
    const since = new Date(this.#lastMovedAtMs);
    if (this.#holdUp !== null || this.clock.now().getTime() - this.#lastMovedAtMs < PATIENCE_MS) return;
    this.#holdUp = { since, reason };
    this.logger.error(
      { since: since.toISOString(), reason, ...(reason === 'locked' ? { holder } : {}) },
      'audit entries are not being linked: a removed entry would go unnoticed',
    );
  }

  /** Checks whether the chain has grown since the last call, or nothing is waiting. */
  private async look(): Promise<{ isMoving: boolean; holder: ChainLockHolder | null }> {
    const { last } = await readTip(this.database);
    const length = last?.position ?? 0;
    const hasGrown = this.#lastLength >= 0 && length > this.#lastLength;
    this.#lastLength = length;
    const isMoving = hasGrown || (await this.chain.countUnlinked()) === 0;
    return { isMoving, holder: isMoving ? null : await findLockHolder(this.database) };
  }

  private secondsHeldUp(): number {
    return this.#holdUp === null ? 0 : Math.round((this.clock.now().getTime() - this.#lastMovedAtMs) / 1_000);
  }
}
