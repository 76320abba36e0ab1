import type { AuditEntryId } from '../ids.ts';

export type ChainFaultKind =
  /** An entry or link is not as it was linked. */
  | 'changed'
  | 'missing_entry'
  | 'missing_link'
  /** The chain ends before its sealed head says. */
  | 'cut_off'
  | 'head_missing'
  | 'head_changed'
  /** The chain does not begin where it was pruned. */
  | 'checkpoint_changed'
  /** A genuine entry in the past or future, where none can appear. */
  | 'unlinked'
  /** An entry that this service did not write. */
  | 'forged'
  /** Objects that only recorded acts can make, and no entry that speaks of them. */
  | 'record_missing'
  /** The newest entries are not chained, because somebody holds the chain's lock. */
  | 'held_up';

/** What is wrong with a stretch of the record. */
export interface ChainFault {
  kind: ChainFaultKind;
  /** The positions of the first and last link, from 1; null where it is about no position. */
  from: number | null;
  to: number | null;
  /** The first entry. */
  entryId: AuditEntryId | null;
  /** Of `record_missing`: what kind of objects, how many of them, and the first one's id. */
  objects?: { kind: string; count: number; first: string };
}

const MAX_FAULTS = 100;

/** Collects faults in the order in which they are found, neighbors of one kind as one; beyond a hundred it takes no more. */
export class ChainFaults {
  readonly #faults: ChainFault[] = [];

  get list(): readonly ChainFault[] {
    return this.#faults;
  }

  get isFull(): boolean {
    return this.#faults.length >= MAX_FAULTS;
  }

  /** A fault of the links at positions `from` to `to`. */
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
