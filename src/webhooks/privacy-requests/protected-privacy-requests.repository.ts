import sql from 'sql-template-tag';
import { defineProtectedTable } from '../../database/protected-table.ts';
import { defineStatement } from '../../database/statement.ts';
import type { PrivacyRequestId } from '../ids.ts';
import { PRIVACY_REQUEST_MAC, type PrivacyRequestRow } from './privacy-request-mac.ts';

const lockRows = defineStatement<
  { after: PrivacyRequestId | null; all: boolean; limit: number },
  PrivacyRequestRow & { mac: Buffer | null }
>(
  'privacy_request_lock_for_macs',
  ({
    after,
    all,
    limit,
  }) => sql`SELECT id, kind, payload_hash, code_hash, app_ids, user_secret_id, meta_user_id, confirmation_code, issued_at,
      request_id, received_at, completed_at, is_hashed, mac
    FROM privacy_request WHERE (${all}::boolean OR mac IS NULL) AND (${after}::text IS NULL OR id > ${after}::text)
    ORDER BY id LIMIT ${limit} FOR NO KEY UPDATE`,
);

const writeMacs = defineStatement<{ ids: readonly PrivacyRequestId[]; macs: readonly Buffer[] }>(
  'privacy_request_write_macs',
  ({ ids, macs }) => sql`UPDATE privacy_request r SET mac = given.mac
    FROM unnest(${ids}::text[], ${macs}::bytea[]) AS given(id, mac) WHERE r.id = given.id`,
);

const countPrivacyRequestMacs = defineStatement<Record<never, never>, { count: number }>(
  'privacy_request_count_macs',
  () => sql`SELECT count(mac)::integer AS count FROM privacy_request`,
);

/** Adds MACs to privacy requests of earlier releases. */
export const PROTECTED_PRIVACY_REQUESTS = defineProtectedTable({
  definition: PRIVACY_REQUEST_MAC,
  lockRows: (tx, { after, all, limit }) => tx.rows(lockRows({ after: after?.id ?? null, all, limit })),
  writeMacs: async (tx, rows) => {
    await tx.run(writeMacs({ ids: rows.map(({ row }) => row.id), macs: rows.map(({ mac }) => mac) }));
  },
  countMacs: () => countPrivacyRequestMacs({}),
});
