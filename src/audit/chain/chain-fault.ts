import type { AuditEntryId } from '../ids.ts';

export const CHAIN_FAULT_KINDS = [
  /** An entry or link differs from what was linked. */
  'changed',
  'missing_entry',
  'missing_link',
  /** The chain ends before the sealed head does. */
  'cut_off',
  'head_missing',
  'head_changed',
  /** The chain doesn't begin where it was pruned. */
  'checkpoint_changed',
  /** A genuine entry where none can appear, in the past or the future. */
  'unlinked',
  /** An entry that this service didn't write. */
  'forged',
  /** Objects exist, but the entry about their creation doesn't. */
  'record_missing',
  /** The newest entries can't be linked, because another session holds the chain's lock. */
  'held_up',
] as const;

export type ChainFaultKind = (typeof CHAIN_FAULT_KINDS)[number];

/** A fault of one entry or a range of links. */
export interface ChainFault {
  kind: ChainFaultKind;
  /** Positions of the first and last link, from 1; null if the fault has none. */
  from: number | null;
  to: number | null;
  /** The first affected entry. */
  entryId: AuditEntryId | null;
  /** For `record_missing`: the kind of objects, how many, and the first id. */
  objects?: { kind: string; count: number; first: string };
}

const MAX_FAULTS = 100;

/** Collects faults in chain order, merges adjacent ones of the same kind, and stops at 100. */
export class ChainFaults {
  readonly #faults: ChainFault[] = [];

  get list(): readonly ChainFault[] {
    return this.#faults;
  }

  get isFull(): boolean {
    return this.#faults.length >= MAX_FAULTS;
  }

  /** Adds a fault of the links at positions `from` to `to`. */
  addPositions(kind: ChainFaultKind, from: number, to: number, entryId: AuditEntryId | null): void {
    const last = this.#faults.at(-1);
    if (last?.kind === kind && last.to === from - 1) last.to = to;
    else this.add({ kind, from, to, entryId });
  }

  add(fault: ChainFault): void {
    if (!this.isFull) this.#faults.push(fault);
  }

  addEntry(kind: ChainFaultKind, entryId: AuditEntryId | null): void {
    this.add({ kind, from: null, to: null, entryId });
  }
}
