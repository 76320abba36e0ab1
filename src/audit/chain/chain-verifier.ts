import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { AuditedObjects } from '../audited-objects.ts';
import type { AuditEntryId } from '../ids.ts';
import { AuditChain, AuditChainBrokenError, findTipFault, firstLinkableId, linkableIdLimit } from './audit-chain.ts';
import { type AuditCheckpoint, readCheckpoint } from './audit-checkpoint.ts';
import { type ChainTip, readTip } from './audit-link.repository.ts';
import { type ChainFault, type ChainFaultKind, ChainFaults } from './chain-fault.ts';
import { ChainMac } from './chain-mac.ts';
import { type WalkProgress, walkLinks } from './link-walk.ts';
import { findMissingRecords } from './missing-records.ts';
import { findUnlinkedFaults } from './unlinked-entries.ts';
import { findStart } from './verified-place.ts';

/** The first fault, in the form of earlier releases. */
export interface FirstChainFault {
  reason: ChainFaultKind;
  position: number | null;
  entryId: AuditEntryId | null;
}

export interface ChainVerification {
  valid: boolean;
  /** Length of the chain according to its head, including pruned entries. */
  entries: number;
  /** How many of them were pruned and are covered by the sealed checkpoint. */
  prunedEntries: number;
  /** Entries not linked yet, up to 100,000. */
  unlinkedEntries: number;
  /** MAC of the last link, in hex; null for an empty chain. */
  head: string | null;
  /** In chain order, at most 100. */
  faults: readonly ChainFault[];
  firstFault: FirstChainFault | null;
}

type ProgressListener = (progress: WalkProgress) => void;

/** Progress of a verification: it has checked the links up to `position`, of `lastPosition`. */
export type VerificationProgress = Pick<WalkProgress, 'position' | 'lastPosition'>;

/**
 * Verifies the whole record: every entry is as linked and in its place, and none is missing, added or cut off,
 * including those that other tables imply. Continues past faults. Can't detect a database restored as a whole to an
 * earlier state; for that, keep an anchor elsewhere.
 */
@Injectable()
export class ChainVerifier {
  #running: Promise<ChainVerification> | null = null;
  #progress: VerificationProgress | null = null;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly chain: AuditChain,
    private readonly mac: ChainMac,
    private readonly audited: AuditedObjects,
  ) {}

  /** Progress of this replica's verification; null while none runs. */
  get progress(): VerificationProgress | null {
    return this.#progress;
  }

  /**
   * Walks the chain in batches, in constant memory. Concurrent calls share one run and the first call's `onProgress`.
   */
  verify(onProgress: ProgressListener = () => undefined): Promise<ChainVerification> {
    this.#running ??= this.verifyFrom(null, onProgress).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /**
   * Like `verify`, but skips the links up to `place`, the `soundUpTo` of an earlier run. Throws `UnusablePlaceError` if
   * the chain differs there. Null: skips none.
   */
  async verifyFrom(place: AuditCheckpoint | null, onProgress: ProgressListener): Promise<ChainVerification> {
    try {
      return await this.verifyChain(place, (progress) => {
        this.#progress = { position: progress.position, lastPosition: progress.lastPosition };
        onProgress(progress);
      });
    } finally {
      this.#progress = null;
    }
  }

  private async verifyChain(place: AuditCheckpoint | null, onProgress: ProgressListener): Promise<ChainVerification> {
    const isLocked = await this.linkPendingEntries();
    const tip = await readTip(this.database);
    const start = await readCheckpoint(this.database, this.mac);
    const faults = new ChainFaults();
    if (start === null) faults.addEntry('checkpoint_changed', null);
    const from = start === null || place === null ? start : await findStart(this.database.longRunning, start, place);
    await this.findFaults(tip, { start, from }, faults, onProgress);
    // Pruned during the walk: start over from the new checkpoint.
    if (faults.list.length > 0 && start !== null && (await this.isPrunedSince(start)))
      return this.verifyChain(place, onProgress);
    const unlinkedEntries = await this.chain.countUnlinked().catch(() => 0);
    if (isLocked && unlinkedEntries > 0) faults.addEntry('held_up', null);
    const [first] = faults.list;
    return {
      valid: first === undefined,
      entries: tip.head?.entries ?? 0,
      prunedEntries: start?.position ?? 0,
      unlinkedEntries,
      head: tip.head?.mac.toString('hex') ?? null,
      faults: faults.list,
      firstFault: first === undefined ? null : { reason: first.kind, position: first.from, entryId: first.entryId },
    };
  }

  private async findFaults(
    tip: ChainTip,
    { start, from }: { start: AuditCheckpoint | null; from: AuditCheckpoint | null },
    faults: ChainFaults,
    onProgress: ProgressListener,
  ): Promise<void> {
    const upTo = tip.last?.position ?? 0;
    onProgress({ position: from?.position ?? 0, lastPosition: upTo, soundUpTo: null });
    const macsRequiredFrom = await walkLinks(
      this.database.longRunning,
      this.mac,
      { start: from, isContinued: from !== start, upTo, onProgress },
      faults,
    );
    this.findEndFault(tip, macsRequiredFrom, faults);
    await findUnlinkedFaults(
      this.database.longRunning,
      this.mac,
      {
        past: this.firstLinkableId(tip, faults),
        future: linkableIdLimit(this.clock),
        // If nothing was ever linked, there are no entries from before MACs.
        macsRequiredFrom: tip.head === null ? '' : macsRequiredFrom,
      },
      faults,
    );
    await findMissingRecords(this.database.longRunning, this.audited, start?.position ?? 0, faults);
  }

  private firstLinkableId({ newestEntryId }: ChainTip, faults: ChainFaults): string {
    try {
      return firstLinkableId(newestEntryId, 'late');
    } catch (error) {
      if (!(error instanceof AuditChainBrokenError)) throw error;
      // An invalid id has no time, so it can't say which entries are in the past.
      if (faults.list.length === 0) faults.addEntry('changed', newestEntryId as AuditEntryId);
      return '';
    }
  }

  private findEndFault(tip: ChainTip, macsRequiredFrom: string | null, faults: ChainFaults): void {
    const kind = findTipFault(this.mac, tip);
    const from = (tip.last?.position ?? 0) + 1;
    // The seal doesn't cover this value of the head, but it follows from the links.
    const isHeadWrong = tip.head !== null && tip.head.macsRequiredFrom !== macsRequiredFrom;
    if (kind === 'cut_off') faults.add({ kind, from, to: Math.max(from, tip.head?.entries ?? 0), entryId: null });
    else if (kind !== null) faults.add({ kind, from, to: null, entryId: null });
    else if (isHeadWrong && !faults.isFull) faults.add({ kind: 'head_changed', from: null, to: null, entryId: null });
  }

  private async isPrunedSince(start: AuditCheckpoint): Promise<boolean> {
    const now = await readCheckpoint(this.database, this.mac);
    return now !== null && now.position > start.position;
  }

  /** Returns whether the chain was locked. A chain with a broken end can't be extended; the walk reports where. */
  private async linkPendingEntries(): Promise<boolean> {
    try {
      return (await this.chain.link({ lookBack: 'late', wait: true })).isLocked;
    } catch (error) {
      if (!(error instanceof AuditChainBrokenError)) throw error;
      return false;
    }
  }
}
