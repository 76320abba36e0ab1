import { Inject, Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { AuditChain } from './audit-chain.ts';
import { type ChainLockHolder, findLockHolder, readTip } from './audit-link.repository.ts';

/** How long entries may wait, with nothing being linked by any replica, before it counts as held up. */
const PATIENCE_MS = 15_000;

/** `locked`: somebody holds the chain's lock; `failing`: linking fails, because the chain is broken or the database refuses. */
export type HoldUpReason = 'locked' | 'failing';

/** Since when entries wait in vain. */
export interface ChainHoldUp {
  since: Date;
  reason: HoldUpReason;
}

/** Notices that entries are no longer chained, on whichever replica, and tells: metric, log, and readiness by `holdUp`. */
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
      help: 'For how long audit entries have waited to be chained with nothing being chained by any replica; 0 while all is well',
      registers: [registry],
      collect(): void {
        this.set(secondsHeldUp());
      },
    });
  }

  /** Null while entries are chained. */
  get holdUp(): ChainHoldUp | null {
    return this.#holdUp;
  }

  /** This replica could link what there was. */
  moved(): void {
    this.#lastMovedAtMs = this.clock.now().getTime();
    if (this.#holdUp === null) return;
    this.#holdUp = null;
    this.logger.info('audit entries are chained again');
  }

  /** This replica could not link; another one may have, or there may be nothing to link. */
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
      'audit entries are no longer chained: entries that are removed now do not show',
    );
  }

  /** Whether the chain has grown since the last look, or nothing waits. */
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
