import sql from 'sql-template-tag';
import { defineProtectedTable } from '../database/protected-table.ts';
import { defineStatement } from '../database/statement.ts';
import { CLIENT_COLUMNS } from './client-lookup.query.ts';
import { CLIENT_IDENTITY_MAC, CLIENT_KEY_MAC, CLIENT_MAC } from './client-macs.ts';
import type { StoredClientIdentityRow, StoredClientKeyRow, StoredClientRow } from './client-row.ts';

interface Selection<Key> {
  after: Key;
  all: boolean;
  limit: number;
}

const lockClients = defineStatement<Selection<string>, StoredClientRow>(
  'client_lock_for_macs',
  ({ after, all, limit }) => sql`SELECT ${CLIENT_COLUMNS} FROM client c
    WHERE (${all} OR c.mac IS NULL) AND c.id > ${after} ORDER BY c.id LIMIT ${limit} FOR NO KEY UPDATE`,
);

const writeClientMacs = defineStatement<{ ids: readonly string[]; macs: readonly Buffer[] }>(
  'client_write_macs',
  ({ ids, macs }) => sql`UPDATE client c SET mac = w.mac
    FROM unnest(${ids}::text[], ${macs}::bytea[]) AS w (id, mac) WHERE c.id = w.id`,
);

const countClientMacs = defineStatement<Record<never, never>, { count: number }>(
  'client_count_macs',
  () => sql`SELECT count(mac)::integer AS count FROM client`,
);

export const PROTECTED_CLIENTS = defineProtectedTable<Omit<StoredClientRow, 'mac'>>({
  definition: CLIENT_MAC,
  lockRows: (tx, { after, all, limit }) => tx.rows(lockClients({ after: after?.id ?? '', all, limit })),
  writeMacs: async (tx, rows) => {
    await tx.run(writeClientMacs({ ids: rows.map(({ row }) => row.id), macs: rows.map(({ mac }) => mac) }));
  },
  countMacs: () => countClientMacs({}),
});

const lockKeys = defineStatement<Selection<Buffer>, StoredClientKeyRow>(
  'client_key_lock_for_macs',
  ({ after, all, limit }) => sql`SELECT k.hash, k.client_id, k.created_at, k.expires_at, k.mac FROM client_key k
    WHERE (${all} OR k.mac IS NULL) AND k.hash > ${after} ORDER BY k.hash LIMIT ${limit} FOR NO KEY UPDATE`,
);

const writeKeyMacs = defineStatement<{ hashes: readonly Buffer[]; macs: readonly Buffer[] }>(
  'client_key_write_macs',
  ({ hashes, macs }) => sql`UPDATE client_key k SET mac = w.mac
    FROM unnest(${hashes}::bytea[], ${macs}::bytea[]) AS w (hash, mac) WHERE k.hash = w.hash`,
);

const countClientKeyMacs = defineStatement<Record<never, never>, { count: number }>(
  'client_key_count_macs',
  () => sql`SELECT count(mac)::integer AS count FROM client_key`,
);

export const PROTECTED_CLIENT_KEYS = defineProtectedTable<Omit<StoredClientKeyRow, 'mac'>>({
  definition: CLIENT_KEY_MAC,
  lockRows: (tx, { after, all, limit }) => tx.rows(lockKeys({ after: after?.hash ?? Buffer.alloc(0), all, limit })),
  writeMacs: async (tx, rows) => {
    await tx.run(writeKeyMacs({ hashes: rows.map(({ row }) => row.hash), macs: rows.map(({ mac }) => mac) }));
  },
  countMacs: () => countClientKeyMacs({}),
});

const lockIdentities = defineStatement<
  Selection<Pick<StoredClientIdentityRow, 'issuer' | 'subject' | 'audience'>>,
  StoredClientIdentityRow
>(
  'client_identity_lock_for_macs',
  ({ after, all, limit }) => sql`SELECT i.issuer, i.subject, i.audience, i.client_id, i.mac FROM client_identity i
    WHERE (${all} OR i.mac IS NULL) AND (i.issuer, i.subject, i.audience) > (${after.issuer}, ${after.subject}, ${after.audience})
    ORDER BY i.issuer, i.subject, i.audience LIMIT ${limit} FOR NO KEY UPDATE`,
);

const writeIdentityMacs = defineStatement<{
  issuers: readonly string[];
  subjects: readonly string[];
  audiences: readonly string[];
  macs: readonly Buffer[];
}>(
  'client_identity_write_macs',
  ({ issuers, subjects, audiences, macs }) => sql`UPDATE client_identity i SET mac = w.mac
    FROM unnest(${issuers}::text[], ${subjects}::text[], ${audiences}::text[], ${macs}::bytea[]) AS w (issuer, subject, audience, mac)
    WHERE i.issuer = w.issuer AND i.subject = w.subject AND i.audience = w.audience`,
);

const countClientIdentityMacs = defineStatement<Record<never, never>, { count: number }>(
  'client_identity_count_macs',
  () => sql`SELECT count(mac)::integer AS count FROM client_identity`,
);

export const PROTECTED_CLIENT_IDENTITIES = defineProtectedTable<Omit<StoredClientIdentityRow, 'mac'>>({
  definition: CLIENT_IDENTITY_MAC,
  lockRows: (tx, { after, all, limit }) =>
    tx.rows(lockIdentities({ after: after ?? { issuer: '', subject: '', audience: '' }, all, limit })),
  writeMacs: async (tx, rows) => {
    await tx.run(
      writeIdentityMacs({
        issuers: rows.map(({ row }) => row.issuer),
        subjects: rows.map(({ row }) => row.subject),
        audiences: rows.map(({ row }) => row.audience),
        macs: rows.map(({ mac }) => mac),
      }),
    );
  },
  countMacs: () => countClientIdentityMacs({}),
});
