import type { SqlExecutor } from '../../database/statement.ts';
import { firstIdAt } from '../../platform/ids.ts';
import type { AuditedKind, AuditedObjects } from '../audited-objects.ts';
import type { ChainFaults } from './chain-fault.ts';
import { findFirstLinkedEntry } from './chain-verification.query.ts';
import { epochMsOfId } from './entry-id-time.ts';
import { findNamedObjects } from './named-objects.query.ts';

const OBJECTS_PER_BATCH = 1_000;
/** How long before its entry a named object may have been created. */
const TOLERANCE_MS = 60_000;

/**
 * Finds objects that no entry names though their creation is always recorded: the record was emptied, or cut off and
 * continued. Skips objects from before the first entry left by pruning.
 */
export async function findMissingRecords(
  executor: SqlExecutor,
  { kinds }: AuditedObjects,
  prunedEntries: number,
  faults: ChainFaults,
): Promise<void> {
  const since = prunedEntries === 0 ? null : await firstRetainedMs(executor);
  for (const kind of kinds) {
    const missing = await countMissing(executor, kind, since);
    if (missing !== null)
      faults.add({
        kind: 'record_missing',
        from: null,
        to: null,
        entryId: null,
        objects: { kind: kind.name, ...missing },
      });
  }
}

async function firstRetainedMs(executor: SqlExecutor): Promise<number | null> {
  const first = await findFirstLinkedEntry(executor);
  return first === null ? null : epochMsOfId(first);
}

async function countMissing(
  executor: SqlExecutor,
  kind: AuditedKind,
  sinceMs: number | null,
): Promise<{ count: number; first: string } | null> {
  let count = 0;
  let first: string | null = null;
  for (let after = ''; ; ) {
    const ids = await kind.list(executor, after, OBJECTS_PER_BATCH);
    const due = sinceMs === null ? ids : ids.filter((id) => id >= firstIdLike(id, sinceMs + TOLERANCE_MS));
    const named = due.length === 0 ? new Set<string>() : await findNamedObjects(executor, kind, due);
    const missing = due.filter((id) => !named.has(id));
    count += missing.length;
    first ??= missing[0] ?? null;
    const last = ids.at(-1);
    if (ids.length < OBJECTS_PER_BATCH || last === undefined) return first === null ? null : { count, first };
    after = last;
  }
}

/** Returns the smallest id of an instant, with the prefix of another id. */
function firstIdLike(id: string, epochMs: number): string {
  return firstIdAt(id.slice(0, id.indexOf('_')) as Parameters<typeof firstIdAt>[0], epochMs);
}
