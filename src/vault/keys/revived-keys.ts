import type { ChainMac } from '../../audit/chain/chain-mac.ts';
import { findKeyTombstones } from '../../audit/key-tombstones.query.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import type { KekId } from '../ids.ts';
import type { EncryptionKeyRow } from './encryption-key.repository.ts';

/**
 * Returns the retired KEKs, by their row or the audit record, whose stored key is back. It must come from an old copy
 * of the database, so nothing may be opened with it.
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
