import type { ChainMac } from '../../audit/chain/chain-mac.ts';
import {
  type RecordedStates,
  readConnectionStates,
  readCredentialVersions,
} from '../../audit/recorded-states.query.ts';
import type { Database } from '../../database/database.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { listCountedConnections, listVersionedCredentials } from './rollback-check.repository.ts';
import { confirmConnectionRollback, confirmCredentialRollback } from './rollback-confirmation.ts';
import { judgeConnection, newestRecordedVersion } from './rollback-rules.ts';

const ROWS_PER_BATCH = 1_000;
/** Stop at this many: clearly not an isolated case. */
const MAX_FOUND = 100;

/** Rows that differ from the audit record, at most a hundred of each kind. */
export interface RollbackSurvey {
  connections: ConnectionId[];
  credentials: CredentialId[];
  /** Audit entries about them that this service did not write. */
  forgedEntries: number;
}

/** Compares all connections and credentials with the audit record in batches. Changes nothing. */
export async function surveyRollbacks({ longRunning: database }: Database, mac: ChainMac): Promise<RollbackSurvey> {
  const connections = await survey<ConnectionId, Awaited<ReturnType<typeof listCountedConnections>>[number]>({
    list: (after) => listCountedConnections(database, after, ROWS_PER_BATCH),
    read: (ids) => readConnectionStates(database, mac, ids),
    isSuspect: (row, entries) => judgeConnection(row, entries).kind !== 'consistent',
    confirm: (id) => database.transaction(async (tx) => (await confirmConnectionRollback(tx, mac, id)) !== null),
  });
  const credentials = await survey<CredentialId, Awaited<ReturnType<typeof listVersionedCredentials>>[number]>({
    list: (after) => listVersionedCredentials(database, after, ROWS_PER_BATCH),
    read: (ids) => readCredentialVersions(database, mac, ids),
    isSuspect: ({ version }, entries) => version < (newestRecordedVersion(entries) ?? version),
    confirm: (id) => database.transaction(async (tx) => (await confirmCredentialRollback(tx, mac, id)) !== null),
  });
  return {
    connections: connections.found,
    credentials: credentials.found,
    forgedEntries: connections.forgedEntries + credentials.forgedEntries,
  };
}

interface SurveyedKind<Id, Row> {
  list(after: string): Promise<Row[]>;
  read(ids: readonly Id[]): Promise<RecordedStates>;
  isSuspect(row: Row, entries: NonNullable<ReturnType<RecordedStates['byObject']['get']>>): boolean;
  confirm(id: Id): Promise<boolean>;
}

async function survey<Id extends string, Row extends { id: Id }>(
  kind: SurveyedKind<Id, Row>,
): Promise<{ found: Id[]; forgedEntries: number }> {
  const found: Id[] = [];
  let forgedEntries = 0;
  for (let after = ''; ; ) {
    const rows = await kind.list(after);
    const { byObject, forgedIds } = await kind.read(rows.map(({ id }) => id));
    forgedEntries += forgedIds.length;
    for (const row of rows) {
      if (found.length >= MAX_FOUND) return { found, forgedEntries };
      if (kind.isSuspect(row, byObject.get(row.id) ?? []) && (await kind.confirm(row.id))) found.push(row.id);
    }
    const last = rows.at(-1);
    if (rows.length < ROWS_PER_BATCH || last === undefined) return { found, forgedEntries };
    after = last.id;
  }
}
