import type { SqlExecutor } from '../../database/statement.ts';
import type { AuditEntryId } from '../ids.ts';
import type { ChainFaults } from './chain-fault.ts';
import type { ChainMac } from './chain-mac.ts';
import {
  countEntriesAndLinks,
  ENTRIES_PER_BATCH,
  ENTRIES_PER_COUNT,
  readUnlinked,
  readUnlinkedPage,
  type UnlinkedEntryRow,
} from './chain-verification.query.ts';
import { isForged } from './entry-mac.ts';

/** How many unlinked entries to read at a time where there should be none. */
const UNLINKED_PER_BATCH = 200;

/** Where entries may be unlinked. */
export interface LinkableRange {
  /** Entries before this id are no longer linked. */
  past: string;
  /** Entries from this id on are not linked yet. */
  future: string;
  /** The id from which entries without a MAC are forged. */
  macsRequiredFrom: string | null;
}

/** Finds unlinked entries outside of the range, and forged ones inside it. */
export async function findUnlinkedFaults(
  executor: SqlExecutor,
  mac: ChainMac,
  range: LinkableRange,
  faults: ChainFaults,
): Promise<void> {
  const isForgedHere = (entry: UnlinkedEntryRow): boolean => isForged(mac, entry, range.macsRequiredFrom);
  const add = (entry: UnlinkedEntryRow): void => faults.addEntry(isForgedHere(entry) ? 'forged' : 'unlinked', entry.id);
  // Each link has its entry if the walk found no fault, so equal counts mean that each entry has its link.
  const from = faults.list.length > 0 ? '' : await findWhereCountsDiffer(executor, range.past);
  if (from !== null) await findUnlinkedBefore(executor, { after: from, past: range.past }, add, faults);
  for (const entry of await readUnlinked(executor, range.future, null, UNLINKED_PER_BATCH)) add(entry);
  for (let from = range.past; !faults.isFull; ) {
    const entries = await readUnlinked(executor, from, range.future, ENTRIES_PER_BATCH);
    for (const entry of entries) if (isForgedHere(entry)) faults.addEntry('forged', entry.id);
    const last = entries.at(-1);
    if (entries.length < ENTRIES_PER_BATCH || last === undefined) return;
    from = textAfter(last.id);
  }
}

/** Returns the id after which the numbers of entries and links first differ; null if they don't. */
async function findWhereCountsDiffer(executor: SqlExecutor, past: string): Promise<string | null> {
  for (let after = ''; ; ) {
    const { last, read, links } = await countEntriesAndLinks(executor, after, past);
    if (read !== links) return after;
    if (read < ENTRIES_PER_COUNT || last === null) return null;
    after = last;
  }
}

async function findUnlinkedBefore(
  executor: SqlExecutor,
  range: { after: string; past: string },
  add: (entry: UnlinkedEntryRow) => void,
  faults: ChainFaults,
): Promise<void> {
  for (let after: string | null = range.after; after !== null && !faults.isFull; ) {
    const page = await readUnlinkedPage(executor, after, range.past);
    if (page.unlinked === null || page.last === null) {
      after = page.read < ENTRIES_PER_BATCH ? null : page.last;
      continue;
    }
    const upTo = textAfter(page.last);
    for (const entry of await readUnlinked(executor, page.unlinked, upTo, UNLINKED_PER_BATCH)) add(entry);
    after = page.read < ENTRIES_PER_BATCH ? null : page.last;
  }
}

/** Returns the smallest text after an id. */
function textAfter(id: AuditEntryId): string {
  return `${id}\u0001`;
}
