import type { MigrationInterface, QueryRunner } from 'typeorm';
import { definePartitionFunctions, dropPartitionFunctions } from './partition-functions.ts';
import { mergePartitions, partitionByTime } from './time-partitions.ts';

/**
 * `lease` by the time in its ids. Replicas create partitions ahead of time and drop old ones with functions that do
 * nothing else, because the service's database user owns no tables (roles.sql): it may drop leases, which it may delete
 * anyway, but no audit entries.
 */
export class LeasePartitions1764001270000 implements MigrationInterface {
  readonly name = 'LeasePartitions1764001270000';

  async up(runner: QueryRunner): Promise<void> {
    await definePartitionFunctions(runner, ['lease', 'audit_entry']);
    await runner.query('REVOKE EXECUTE ON FUNCTION make_partition, drop_lease_partition FROM PUBLIC');
    await runner.query(GRANT_TO_WRITERS);
    await partitionByTime(runner, 'lease');
  }

  async down(runner: QueryRunner): Promise<void> {
    await mergePartitions(runner, 'lease');
    await dropPartitionFunctions(runner);
  }
}

/** Roles that may write leases may call the functions; roles.sql grants the same later. */
const GRANT_TO_WRITERS = `DO $$
DECLARE
  writer text;
BEGIN
  FOR writer IN
    SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.oid = 'lease'::regclass AND a.grantee <> c.relowner AND a.privilege_type = 'INSERT'
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_partition, drop_lease_partition TO %s', writer);
  END LOOP;
END $$`;
