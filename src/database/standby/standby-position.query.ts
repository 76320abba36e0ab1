import sql from 'sql-template-tag';
import { defineStatement } from '../statement.ts';
import { POSITION } from './replication.query.ts';

/** The primary's position. */
export interface PrimaryPositionRow {
  /** Bytes of WAL that are committed; null on a standby. */
  written: string | null;
  /** As in the names of WAL files; null on a standby. */
  timeline: string | null;
  /** Of the cluster: the same on all its standbys. */
  system: string;
}

/** A standby's position. */
export interface StandbyPositionRow {
  /** Bytes of WAL that are visible here; null on a server that takes writes. */
  replayed: string | null;
  timeline: string;
  system: string;
}

const SYSTEM = sql`(SELECT system_identifier::text FROM pg_control_system())`;

export const selectPrimaryPosition = defineStatement<Record<never, never>, PrimaryPositionRow>(
  'primary_position',
  () => sql`SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(${POSITION}, '0/0')::text END AS written,
      CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(${POSITION}), 8) END AS timeline, ${SYSTEM} AS system`,
  { prepare: true },
);

/**
 * The timeline that the standby receives. If that is hidden from the user or nothing is received: the timeline of its
 * last restart point, which may be older.
 */
export const selectStandbyPosition = defineStatement<Record<never, never>, StandbyPositionRow>(
  'standby_position',
  () => sql`SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::text END AS replayed,
      upper(lpad(to_hex(coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint()))), 8, '0'))
        AS timeline, ${SYSTEM} AS system`,
);
