import sql, { join, raw, type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { AuditAction } from './audit-action.ts';
import { ENTRY_DIGEST } from './audit-entry.repository.ts';
import type { ChainMac } from './chain/chain-mac.ts';
import { isForged } from './chain/entry-mac.ts';
import type { AuditEntryId } from './ids.ts';

/**
 * Actions whose entries have their connection's status and generation. Same as in the index
 * `audit_entry_connection_state`.
 */
const CONNECTION_STATE_ACTIONS: readonly AuditAction[] = [
  'connection.created',
  'connection.reconnected',
  'connection.reauth_required',
  'connection.recovered',
  'connection.revoked',
  'connection.rollback_detected',
];
/** Actions whose entries have their credential's version. Same as in the index `audit_entry_credential_version`. */
const CREDENTIAL_VERSION_ACTIONS: readonly AuditAction[] = [
  'credential.granted',
  'credential.refreshed',
  'credential.rotated',
  'credential.rollback_detected',
];
/** Entries to read per object. More than one, because replicas' clocks differ a little. */
const NEWEST = 5;

/** The state of an object in a genuine entry. */
export interface RecordedState {
  action: AuditAction;
  at: Date;
  details: Readonly<Record<string, unknown>>;
}

interface RecordedStateRow extends RecordedState {
  object_id: string;
  id: AuditEntryId;
  digest: Buffer;
  mac: Buffer;
}

/**
 * LATERAL with a LIMIT forces one index lookup per object. The actions are literals, so that the partial index applies.
 */
function newestOf(ids: readonly string[], column: Sql, actions: readonly AuditAction[]): Sql {
  const literals = actions.map((action) => raw(`'${action}'`));
  return sql`SELECT o.id AS object_id, newest.* FROM unnest(${ids}::text[]) AS o (id) CROSS JOIN LATERAL (
      SELECT e.id, e.action, e.at, e.details, ${ENTRY_DIGEST} AS digest, e.mac FROM audit_entry e
      WHERE ${column} = o.id AND e.action IN (${join(literals)}) AND e.mac IS NOT NULL ORDER BY e.id DESC LIMIT ${raw(String(NEWEST))}
    ) newest ORDER BY o.id, newest.id DESC`;
}

const selectConnectionStates = defineStatement<{ ids: readonly string[] }, RecordedStateRow>(
  'audit_connection_states',
  ({ ids }) => newestOf(ids, sql`e.connection_id`, CONNECTION_STATE_ACTIONS),
  { prepare: true },
);

const selectCredentialVersions = defineStatement<{ ids: readonly string[] }, RecordedStateRow>(
  'audit_credential_versions',
  ({ ids }) => newestOf(ids, sql`e.subject_id`, CREDENTIAL_VERSION_ACTIONS),
  { prepare: true },
);

export interface RecordedStates {
  /** The newest entries of each object, newest first. */
  byObject: ReadonlyMap<string, readonly RecordedState[]>;
  /** Entries whose MAC doesn't verify, which don't count. */
  forgedIds: readonly AuditEntryId[];
}

/** Reads the newest recorded changes of these connections' status. */
export async function readConnectionStates(
  executor: SqlExecutor,
  mac: ChainMac,
  ids: readonly string[],
): Promise<RecordedStates> {
  return toRecordedStates(mac, await executor.rows(selectConnectionStates({ ids })));
}

/** Reads the newest recorded versions of these credentials. */
export async function readCredentialVersions(
  executor: SqlExecutor,
  mac: ChainMac,
  ids: readonly string[],
): Promise<RecordedStates> {
  return toRecordedStates(mac, await executor.rows(selectCredentialVersions({ ids })));
}

function toRecordedStates(mac: ChainMac, rows: readonly RecordedStateRow[]): RecordedStates {
  const byObject = new Map<string, RecordedState[]>();
  const forgedIds: AuditEntryId[] = [];
  for (const { object_id, id, digest, mac: entryMac, action, at, details } of rows) {
    if (isForged(mac, { id, digest, mac: entryMac }, '')) {
      forgedIds.push(id);
      continue;
    }
    const states = byObject.get(object_id) ?? [];
    states.push({ action, at, details });
    byObject.set(object_id, states);
  }
  return { byObject, forgedIds };
}
