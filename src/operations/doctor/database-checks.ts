import type { Config } from '../../config/config.ts';
import { type DatabaseAddress, parseDatabaseUrl } from '../../config/database-url.ts';
import { isLoopback } from '../../config/setting-readers.ts';
import { type StandbysRow, selectStandbys } from '../../database/standby/replication.query.ts';
import type { ReadOutcome, StandbyReads } from '../../database/standby/standby-reads.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { attention, type Finding, fine } from './finding.ts';

interface Examined {
  config: Pick<Config, 'databaseUrl'> & { readonly database: Pick<Config['database'], 'directUrl' | 'readUrl'> };
  database: Pick<SqlExecutor, 'rows'>;
}

/** Checks the connection to Postgres, and what a failover would preserve. */
export async function checkDatabaseSafety({ config, database }: Examined): Promise<Finding[]> {
  return [checkTls(config), await checkReplication(database)];
}

function checkTls({ databaseUrl, database }: Examined['config']): Finding {
  const urls: [string, SecretString | null][] = [
    ['DATABASE_URL', databaseUrl],
    ['DATABASE_DIRECT_URL', database.directUrl],
    ['DATABASE_READ_URL', database.readUrl],
  ];
  const weak = urls.filter(([, url]) => url !== null && isOpenToOthers(parseDatabaseUrl(url.expose())));
  if (weak.length === 0) return fine('database_tls', 'sslmode=verify-full, or no network in between');
  const names = weak.map(([name]) => name).join(' and ');
  return attention(
    'database_tls',
    `${names}: anyone on the network path to Postgres could read the traffic or impersonate the server.`,
    'Set sslmode=verify-full&sslrootcert=<the authority’s file> (docs/configuration.md, "The database").',
  );
}

/** Whether a host is remote and its identity is not verified. */
function isOpenToOthers({ hosts, tls }: DatabaseAddress): boolean {
  return tls?.mode !== 'verify-full' && hosts.some(({ host }) => !host.startsWith('/') && !isLocal(host));
}

function isLocal(host: string): boolean {
  return host === '::1' || isLoopback(host);
}

async function checkReplication(database: Examined['database']): Promise<Finding> {
  const [standbys] = await database.rows(selectStandbys({}));
  if (standbys === undefined) throw new Error('Postgres returned nothing about its standbys');
  return describeReplication(standbys);
}

const ADD_STANDBY =
  'Connect a standby (docs/production.md, "The database"), unless your provider replicates its storage.';

/** Explains the state of the standbys. */
function describeReplication({ names, connected, synchronous, hidden, waiting }: StandbysRow): Finding {
  if (hidden > 0) {
    const remedy = "GRANT pg_read_all_stats to the service's user (migrations/roles.sql does).";
    return attention('replication', `The replication progress of ${standbys(hidden)} cannot be read.`, remedy);
  }
  if (names !== '' && synchronous === 0) {
    const detail = `synchronous_standby_names is ${names}, but no such standby is connected: commits wait for one.`;
    return attention('replication', detail, 'Bring it back, or name another.');
  }
  if (connected === 0) {
    const lost = "No standby is connected: if the primary's disk fails, everything since the last backup is lost.";
    const detail = waiting > 0 ? `${lost} ${slots(waiting)} WAL for a missing standby.` : lost;
    return attention('replication', detail, ADD_STANDBY);
  }
  if (waiting > 0) {
    const detail = `${standbys(connected)}, but ${slots(waiting)} WAL for missing ones.`;
    return attention('replication', detail, 'Bring those back, or drop their slots before the disk is full.');
  }
  return fine(
    'replication',
    synchronous > 0
      ? `${standbys(connected)}, ${synchronous} synchronous: a failover loses nothing`
      : `${standbys(connected)}, asynchronous: a failover may lose the last moment's writes (docs/api.md, "Failover")`,
  );
}

/** Whether lists are read from the standby configured for them. */
export async function checkReadStandby(reads: Pick<StandbyReads, 'look'>): Promise<Finding> {
  const outcome = await reads.look();
  if (outcome === null) return fine('read_standby', 'DATABASE_READ_URL is not set: the primary serves all reads');
  if (outcome === 'current') return fine('read_standby', 'lists and counts are read from a standby');
  const { detail, mend } = UNUSED_STANDBY[outcome];
  return attention('read_standby', `Lists and counts are read from the primary: ${detail}`, mend);
}

const UNUSED_STANDBY: Readonly<Record<Exclude<ReadOutcome, 'current'>, { detail: string; mend: string }>> = {
  behind: {
    detail: 'the standby of DATABASE_READ_URL lags by more than DATABASE_READ_WAIT_MS.',
    mend: 'Look for long queries and for I/O on the standby, or let reads wait longer.',
  },
  unfit: {
    detail: 'DATABASE_READ_URL does not point to a standby of this primary.',
    mend: "Point it to a standby that follows the primary's timeline.",
  },
  away: {
    detail: 'the server of DATABASE_READ_URL does not answer, or refuses us.',
    mend: 'See the log for the error, and bring the server back.',
  },
};

const standbys = (count: number): string => (count === 1 ? '1 standby' : `${count} standbys`);
const slots = (count: number): string =>
  count === 1 ? '1 replication slot retains' : `${count} replication slots retain`;
