import type { ChainMac } from '../../audit/chain/chain-mac.ts';
import { readConnectionStates, readCredentialVersions } from '../../audit/recorded-states.query.ts';
import type { Transaction } from '../../database/database.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { type CountedConnection, lockCountedConnection, lockVersionedCredential } from './rollback-check.repository.ts';
import { judgeConnection, newestRecordedVersion } from './rollback-rules.ts';

/** A connection that differs from the audit record. */
export interface ConnectionRollback {
  row: CountedConnection;
  recorded: { status: unknown; generation: number | null };
  /** The record says it was revoked. */
  isEnded: boolean;
}

/**
 * Whether a connection was rolled back; null: it was not, or is gone. Reads row and record under the row's lock,
 * because changes and their entries are committed together.
 */
export async function confirmConnectionRollback(
  tx: Transaction,
  mac: ChainMac,
  id: ConnectionId,
): Promise<ConnectionRollback | null> {
  const row = await lockCountedConnection(tx, id);
  if (row === null) return null;
  const { byObject } = await readConnectionStates(tx, mac, [id]);
  const verdict = judgeConnection(row, byObject.get(id) ?? []);
  if (verdict.kind === 'consistent') return null;
  return verdict.kind === 'ended'
    ? { row, recorded: { status: 'revoked', generation: null }, isEnded: true }
    : { row, recorded: verdict.recorded, isEnded: false };
}

/** Same for a credential. */
export async function confirmCredentialRollback(
  tx: Transaction,
  mac: ChainMac,
  id: CredentialId,
): Promise<{ version: number; recordedVersion: number } | null> {
  const row = await lockVersionedCredential(tx, id);
  if (row === null) return null;
  const { byObject } = await readCredentialVersions(tx, mac, [id]);
  const recordedVersion = newestRecordedVersion(byObject.get(id) ?? []);
  return recordedVersion === null || row.version >= recordedVersion ? null : { version: row.version, recordedVersion };
}
