import { PROTECTED_TABLES } from '../../src/bootstrap/protected-tables.ts';
import type { Database } from '../../src/database/database.ts';
import { giveMacsToRows } from '../../src/database/protected-table.ts';
import type { RowMac } from '../../src/database/row-mac.ts';
import type { Clock } from '../../src/platform/clock.ts';

/** Gives rows that a test wrote or changed by hand the MACs that this service would have given them. */
export async function recomputeMac(database: Database, mac: RowMac, clock: Clock): Promise<void> {
  for (const table of PROTECTED_TABLES)
    await giveMacsToRows(database, mac, table, { replacesUnfit: true, now: clock.now(), guard: async () => true });
}
