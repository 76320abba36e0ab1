import sql from 'sql-template-tag';
import { defineStatement } from '../statement.ts';

/** Positions of the primary and its physical standbys. */
export interface ReplicationRow {
  /** How far the primary has written, in bytes of WAL; null on a standby. */
  written: string | null;
  /** Changes when a standby is promoted; null on a standby. */
  timeline: string | null;
  /** Whether any standby is connected. */
  is_connected: boolean;
  /** Whether a standby may connect again: a replication slot waits for it. */
  has_slot: boolean;
  /** What the most advanced standby has on disk; null: unknown to this user, or there is none. */
  confirmed: string | null;
}

/** What replicates from the server, for operators. */
export interface StandbysRow {
  /** `synchronous_standby_names`; empty: commits wait for no standby. */
  names: string;
  connected: number;
  /** Commits wait for these, or for some of these. */
  synchronous: number;
  /** Standbys whose position this user may not see. */
  hidden: number;
  /** Physical slots without a standby. */
  waiting: number;
}

/** Logical subscribers and base backups cannot be promoted. Without `pg_read_all_stats`, `state` is null. */
const IS_STANDBY = sql`(r.state IS NULL OR r.state IN ('streaming', 'catchup'))
      AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')`;

/** Position of the primary, at least up to this user's earlier commits. With `off`, commits reach the disk later. */
export const POSITION = sql`CASE WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn()
        ELSE pg_current_wal_flush_lsn() END`;

export const selectReplication = defineStatement<Record<never, never>, ReplicationRow>(
  'replication',
  () => sql`SELECT
      CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(${POSITION}, '0/0')::text END AS written,
      CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(${POSITION}), 8) END AS timeline,
      EXISTS (SELECT FROM pg_stat_replication r WHERE ${IS_STANDBY}) AS is_connected,
      EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'physical') AS has_slot,
      (SELECT pg_wal_lsn_diff(max(r.flush_lsn), '0/0')::text FROM pg_stat_replication r WHERE ${IS_STANDBY}) AS confirmed`,
  { prepare: true },
);

export const selectStandbys = defineStatement<Record<never, never>, StandbysRow>(
  'standbys',
  () => sql`SELECT current_setting('synchronous_standby_names') AS names,
      count(*)::integer AS connected,
      (count(*) FILTER (WHERE r.sync_state IN ('sync', 'quorum')))::integer AS synchronous,
      (count(*) FILTER (WHERE r.state IS NULL))::integer AS hidden,
      (SELECT count(*)::integer FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT active) AS waiting
    FROM pg_stat_replication r WHERE ${IS_STANDBY}`,
);
