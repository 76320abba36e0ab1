import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Connections count their status changes, and the audit entries of these changes record the count: a row that was set
 * back to an earlier state does not match its newest entry. Credentials have their version instead. Until its next
 * change, an existing connection has no entry with a count. Replicas of the previous release leave the count as it is
 * and write entries without one, which prove nothing.
 */
export class RowGenerations1764001080000 implements MigrationInterface {
  readonly name = 'RowGenerations1764001080000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP: readonly string[] = [
  'ALTER TABLE connection ADD COLUMN generation integer NOT NULL DEFAULT 0',
  `CREATE INDEX audit_entry_connection_state ON audit_entry (connection_id, id)
    WHERE action IN ('connection.created', 'connection.reconnected', 'connection.reauth_required', 'connection.recovered',
      'connection.revoked', 'connection.rollback_detected') AND mac IS NOT NULL`,
  `CREATE INDEX audit_entry_credential_version ON audit_entry (subject_id, id)
    WHERE action IN ('credential.granted', 'credential.refreshed', 'credential.rotated', 'credential.rollback_detected')
      AND mac IS NOT NULL`,
  `CREATE INDEX audit_entry_integrity_find ON audit_entry (id)
    WHERE action IN ('connection.rollback_detected', 'credential.rollback_detected', 'key.revival_refused')`,
  `CREATE INDEX audit_entry_retired_key ON audit_entry (subject_id) WHERE action = 'key.retired'`,
  // Counts already recorded date from before a `down`: continue from them.
  `UPDATE connection c SET generation = named.generation FROM (
      SELECT connection_id, max((details->>'generation')::integer) AS generation FROM audit_entry
      WHERE action IN ('connection.created', 'connection.reconnected', 'connection.reauth_required', 'connection.recovered',
        'connection.revoked', 'connection.rollback_detected') AND mac IS NOT NULL AND details->>'generation' IS NOT NULL
      GROUP BY connection_id) AS named
    WHERE named.connection_id = c.id`,
];

const DOWN: readonly string[] = [
  'DROP INDEX audit_entry_retired_key',
  'DROP INDEX audit_entry_integrity_find',
  'DROP INDEX audit_entry_credential_version',
  'DROP INDEX audit_entry_connection_state',
  'ALTER TABLE connection DROP COLUMN generation',
];
