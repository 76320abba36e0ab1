import { Registry } from 'prom-client';
import { type Actor, SYSTEM } from '../audit/actor.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { AuditedObjects } from '../audit/audited-objects.ts';
import { AuditChain } from '../audit/chain/audit-chain.ts';
import { ChainVerifier } from '../audit/chain/chain-verifier.ts';
import { findProtectedTablesInRecord, PROTECTED_TABLES_DETAIL } from '../audit/row-mac-evidence.query.ts';
import { AUDITED_CLIENTS } from '../clients/audited-clients.ts';
import { AUDITED_CONNECTIONS } from '../connections/connection/audited-connections.query.ts';
import type { Database } from '../database/database.ts';
import { IntegrityFailures } from '../database/integrity-failures.ts';
import { giveMacsToRows, type ProtectedTable } from '../database/protected-table.ts';
import { lockRowMacs, readProtectedTables, requireMacsOf } from '../database/row-mac-requirement.repository.ts';
import type { SqlExecutor } from '../database/statement.ts';
import { AUDITED_SUBSCRIPTIONS } from '../events/subscriptions/audited-subscriptions.query.ts';
import { AUDITED_LEASES } from '../leases/audited-leases.query.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { Pino } from '../platform/logger.ts';
import { AUDITED_KEYS } from '../vault/keys/audited-keys.query.ts';
import type { KeyRing } from '../vault/keys/key-ring.ts';
import { PROTECTED_TABLES } from './protected-tables.ts';
import { UnprovenRowsError } from './unproven-rows-error.ts';

/** What the step needs. It runs before the application exists, because that accepts no row without a MAC. */
export interface RowMacServices {
  database: Database;
  clock: Clock;
  ids: Ids;
  keyRing: KeyRing;
  logger: Pino;
}

/**
 * Gives the rows of an earlier release their MACs, once for each table, and from then on requires them. The audit
 * record says that this was done, so nobody with write access to the database can have it repeated for rows of their
 * own. Costs one small query once all is done. Replicas that start together wait for each other; if one dies partway,
 * the next continues. Throws `UnprovenRowsError`.
 */
export async function requireRowMacs(services: RowMacServices): Promise<void> {
  const { database, clock, keyRing, logger } = services;
  const required = await readProtectedTables(database, keyRing);
  const missing = PROTECTED_TABLES.filter(({ table }) => !required.has(table));
  if (missing.length === 0) return;
  const requiredBefore = await findRequiredBefore(services, missing);
  // Another replica may have done it in the meantime, with its entry, in one transaction.
  const requiredNow = await readProtectedTables(database, keyRing);
  const forgotten = missing.filter(({ table }) => requiredBefore.has(table) && !requiredNow.has(table));
  if (forgotten.length > 0) {
    const tables = forgotten.map(({ table }) => table);
    logger.error(
      { tables },
      'the mark that rows of these tables require MACs was removed from the database; MACs are still required',
    );
    await requireFromNowOn(services, tables, null);
  }
  const rows: Record<string, number> = {};
  const others = missing.filter(({ table }) => !requiredBefore.has(table));
  for (const table of others) {
    await giveMacs(services, table);
    // Counted rather than added up: other replicas, also one that died partway, may have done a part.
    rows[table.table] = await table.countMacs(database.longRunning, clock.now());
  }
  const tables = others.map(({ table }) => table);
  if (tables.length > 0 && (await requireFromNowOn(services, tables, rows)))
    logger.info({ rows }, 'added MACs to the rows of an earlier release; MACs are required from now on');
}

/**
 * Which of the tables already needed MACs, according to the record. Throws `UnprovenRowsError` if the record does not
 * verify.
 */
async function findRequiredBefore(
  { database, clock, keyRing }: RowMacServices,
  missing: readonly ProtectedTable[],
): Promise<ReadonlySet<string>> {
  const audited = new AuditedObjects();
  for (const kind of [AUDITED_CLIENTS, AUDITED_CONNECTIONS, AUDITED_KEYS, AUDITED_LEASES, AUDITED_SUBSCRIPTIONS])
    audited.register(kind);
  const verifier = new ChainVerifier(database, clock, new AuditChain(database, clock, keyRing), keyRing, audited);
  const { firstFault } = await verifier.verify();
  if (firstFault !== null)
    throw new UnprovenRowsError(
      missing.map(({ table }) => table),
      firstFault.reason,
    );
  return findProtectedTablesInRecord(database, keyRing);
}

function giveMacs({ database, clock, keyRing }: RowMacServices, table: ProtectedTable): Promise<string[]> {
  return giveMacsToRows(database, keyRing, table, {
    replacesUnfit: false,
    now: clock.now(),
    // Another replica may have done it since; rows without MACs are then no longer ours.
    guard: async (tx) => {
      await lockRowMacs(tx);
      return !(await readProtectedTables(tx, keyRing)).has(table.table);
    },
  });
}

/**
 * Requires MACs in these tables and records that in an entry, which is linked at once. False if all needed them
 * already.
 */
async function requireFromNowOn(
  services: RowMacServices,
  tables: readonly string[],
  rows: Readonly<Record<string, number>> | null,
): Promise<boolean> {
  const { database, clock, keyRing } = services;
  const isDone = await database.transaction(async (tx) => {
    await lockRowMacs(tx);
    const required = await readProtectedTables(tx, keyRing);
    const added = tables.filter((table) => !required.has(table));
    if (added.length === 0) return false;
    await requireMacsOf(tx, keyRing, added, clock.now());
    if (rows === null) return true;
    const details = { [PROTECTED_TABLES_DETAIL]: added, rows };
    await auditLogOf(services).record(tx, { action: 'integrity.macs_required', actor: SYSTEM, details });
    return true;
  });
  // A linked entry can't be removed from the record unnoticed.
  if (isDone) await new AuditChain(database, clock, keyRing).linkNewEntries('recent', true);
  return isDone;
}

/**
 * Accepts all rows as they are, on an operator's word: each without a valid MAC gets one, and an entry says how many.
 * Returns the ids of these rows by table.
 */
export async function adoptRows(services: RowMacServices, actor: Actor): Promise<Map<string, string[]>> {
  const { database, clock, keyRing } = services;
  const adopted = new Map<string, string[]>();
  for (const table of PROTECTED_TABLES) {
    const guard = async (tx: SqlExecutor): Promise<boolean> => {
      await lockRowMacs(tx);
      return true;
    };
    const options = { replacesUnfit: true, now: clock.now(), guard };
    adopted.set(table.table, await giveMacsToRows(database, keyRing, table, options));
  }
  await database.transaction(async (tx) => {
    const tables = [...adopted.keys()];
    await requireMacsOf(tx, keyRing, tables, clock.now());
    const rows = Object.fromEntries([...adopted].map(([table, ids]) => [table, ids.length]));
    const details = { [PROTECTED_TABLES_DETAIL]: tables, rows };
    await auditLogOf(services).record(tx, { action: 'integrity.rows_adopted', actor, details });
  });
  return adopted;
}

function auditLogOf({ clock, ids, keyRing, logger }: RowMacServices): AuditLog {
  return new AuditLog(clock, ids, keyRing, new IntegrityFailures(logger, new Registry()));
}
