import type { PartitionedIndex } from './partitioned-indexes.ts';

/**
 * Rows of one key share an index entry (B-tree deduplication), so these indexes hold the time in ids only roughly: the
 * first ten characters, including the prefix, are 17 minutes, eleven are 33 seconds. Lists sort within that.
 */
export const SHARED_ENTRY_INDEXES: readonly PartitionedIndex[] = [
  { table: 'lease', name: 'lease_connection_time', on: '(connection_id, left(id, 10))' },
  { table: 'lease', name: 'lease_client_time', on: '(client_id, left(id, 11))' },
  {
    table: 'audit_entry',
    name: 'audit_entry_connection_time',
    on: '(connection_id, left(id, 10)) WHERE connection_id IS NOT NULL',
  },
  { table: 'audit_entry', name: 'audit_entry_of_actor', on: '(actor_id) WHERE actor_id IS NOT NULL' },
];

/** The indexes that they replace: with the id in it, or the end of a lease, each row had its own entry. */
export const SINGLE_ENTRY_INDEXES: readonly PartitionedIndex[] = [
  { table: 'lease', name: 'lease_connection', on: '(connection_id, expires_at)' },
  { table: 'lease', name: 'lease_client', on: "(client_id, (id || ''))" },
  { table: 'audit_entry', name: 'audit_entry_connection', on: '(connection_id, id) WHERE connection_id IS NOT NULL' },
  { table: 'audit_entry', name: 'audit_entry_actor', on: '(actor_id, id) WHERE actor_id IS NOT NULL' },
];
