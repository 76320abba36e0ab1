import type { SessionSettings } from './servers/server-client.ts';

/**
 * Statements are planned once per connection, because planning costs more than running. Such a plan is right at any
 * size of the tables, and before the first ANALYZE, if there is only one: the statements find rows by keys.
 */
export const KEYED_PLANS = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
} as const satisfies SessionSettings;
