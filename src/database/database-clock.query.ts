import sql from 'sql-template-tag';
import { defineStatement } from './statement.ts';

/** The database's time in milliseconds since 1970, with fractions. */
export const selectClock = defineStatement<Record<never, never>, { ms: number }>(
  'clock',
  () => sql`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms`,
  { prepare: true },
);
