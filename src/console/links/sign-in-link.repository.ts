import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { ClientId } from '../../auth/ids.ts';
import { defineRowMac } from '../../database/row-mac.ts';
import { RowMacs } from '../../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SignInLinkId } from '../ids.ts';

/** A row of `console_sign_in_link`. */
export interface SignInLinkRow {
  id: SignInLinkId;
  /** Keyed hash of the token in the link. */
  hash: Buffer;
  /** Of the sessions that it starts. */
  name: string;
  /** The client that created it, without which its session ends. Null: an operator. */
  client_id: ClientId | null;
  created_at: Date;
  expires_at: Date;
  used_at: Date | null;
}

type StoredSignInLinkRow = SignInLinkRow & { mac: Buffer | null };

const SIGN_IN_LINK_MAC = defineRowMac<SignInLinkRow>('console_sign_in_link', 1, {
  idOf: ({ id }) => id,
  covers: (row) => [row.id, row.hash, row.name, row.client_id, row.created_at, row.expires_at, row.used_at],
});

const lockByHash = defineStatement<{ hash: Buffer }, StoredSignInLinkRow>(
  'console_sign_in_link_lock',
  ({ hash }) => sql`SELECT id, hash, name, client_id, created_at, expires_at, used_at, mac
    FROM console_sign_in_link WHERE hash = ${hash} FOR UPDATE`,
);

const insertStatement = defineStatement<StoredSignInLinkRow>(
  'console_sign_in_link_insert',
  (l) => sql`INSERT INTO console_sign_in_link (id, hash, name, client_id, created_at, expires_at, used_at, mac)
    VALUES (${l.id}, ${l.hash}, ${l.name}, ${l.client_id}, ${l.created_at}, ${l.expires_at}, ${l.used_at}, ${l.mac})`,
);

const useStatement = defineStatement<{ id: SignInLinkId; usedAt: Date; mac: Buffer }>(
  'console_sign_in_link_use',
  ({ id, usedAt, mac }) => sql`UPDATE console_sign_in_link SET used_at = ${usedAt}, mac = ${mac} WHERE id = ${id}`,
);

const deleteStatement = defineStatement<{ before: Date; limit: number }>(
  'console_sign_in_link_delete_expired',
  ({ before, limit }) => sql`DELETE FROM console_sign_in_link WHERE id IN
    (SELECT id FROM console_sign_in_link WHERE expires_at < ${before} ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
);

/** Links that sign in once. One whose MAC doesn't verify counts as absent. */
@Injectable()
export class SignInLinkRepository {
  constructor(private readonly macs: RowMacs) {}

  /** Locks the link with this hash, used or not. */
  async lock(tx: SqlExecutor, hash: Buffer): Promise<SignInLinkRow | null> {
    const [row] = await tx.rows(lockByHash({ hash }));
    return this.macs.accept(SIGN_IN_LINK_MAC, row);
  }

  async insert(tx: SqlExecutor, link: SignInLinkRow): Promise<void> {
    await tx.run(insertStatement({ ...link, mac: this.macs.compute(SIGN_IN_LINK_MAC, link) }));
  }

  /** Marks a locked link as used. */
  async use(tx: SqlExecutor, link: SignInLinkRow, usedAt: Date): Promise<void> {
    const mac = this.macs.compute(SIGN_IN_LINK_MAC, { ...link, used_at: usedAt });
    await tx.run(useStatement({ id: link.id, usedAt, mac }));
  }

  /** Deletes up to `limit` links that expired before an instant. Returns how many. */
  deleteExpired(executor: SqlExecutor, before: Date, limit: number): Promise<number> {
    return executor.run(deleteStatement({ before, limit }));
  }
}
