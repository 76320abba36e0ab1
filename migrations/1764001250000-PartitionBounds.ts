import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addPartitionBound, dropPartitionBound } from './time-partitions.ts';

/** Limits existing rows to what their partition will accept. The next two migrations validate and attach them. */
export class PartitionBounds1764001250000 implements MigrationInterface {
  readonly name = 'PartitionBounds1764001250000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ULID_TIME);
    await addPartitionBound(runner, 'lease');
    await addPartitionBound(runner, 'audit_entry');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropPartitionBound(runner, 'audit_entry');
    await dropPartitionBound(runner, 'lease');
    await runner.query('DROP FUNCTION ulid_time');
  }
}

/** The first ten characters of a ULID, its milliseconds, in lower case as in our ids (https://github.com/ulid/spec). */
const ULID_TIME = `CREATE FUNCTION ulid_time(instant timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', (ms >> (5 * digit) & 31)::integer + 1, 1), '' ORDER BY digit DESC)
  FROM (SELECT floor(extract(epoch FROM instant) * 1000)::bigint AS ms) t CROSS JOIN generate_series(0, 9) AS digit
$$`;
