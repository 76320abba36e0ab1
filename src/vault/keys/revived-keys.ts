import type { ChainMac } from '../../audit/chain/chain-mac.ts';
import { findKeyTombstones } from '../../audit/key-tombstones.query.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import type { KekId } from '../ids.ts';
import type { EncryptionKeyRow } from './encryption-key.repository.ts';

/**
 * The KEKs whose stored key is there again, though they were retired: their own row says so, or an entry of the audit record. What they
 * wrapped came back with an old copy of the database, so nothing is opened with them.
 */
export async function findRevivedKeys(
  executor: SqlExecutor,
  mac: ChainMac,
  rows: readonly EncryptionKeyRow[],
): Promise<Set<KekId>> {
  const stored = rows.filter(({ purpose, wrapped }) => purpose === 'data' && wrapped !== null);
  const tombstones = await findKeyTombstones(
    executor,
    mac,
    stored.map(({ id }) => id),
  );
  return new Set(stored.filter(({ id, state }) => state === 'retired' || tombstones.has(id)).map(({ id }) => id));
}
