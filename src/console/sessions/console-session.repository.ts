import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { SignInMethod } from '../../auth/authenticated-client.ts';
import type { SessionId } from '../../auth/ids.ts';
import { RowMacs } from '../../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import { addSeconds } from '../../platform/clock.ts';
import { type ConsoleSessionRow, MAX_IDLE_SECONDS, type StoredConsoleSessionRow } from './console-session.ts';
import { CONSOLE_SESSION_MAC } from './console-session-mac.ts';

const COLUMNS = sql`s.id, s.hash, s.method, s.subject, s.name, s.role, s.tenants, s.client_id, s.key_hash, s.created_at,
  s.authenticated_at, s.last_seen_at, s.expires_at, s.ended_at, s.mac`;

/** Whose sessions a list shows. */
export interface SessionOwner {
  method: SignInMethod;
  subject: string;
}

const selectByHash = defineStatement<{ hash: Buffer }, StoredConsoleSessionRow>(
  'console_session_by_hash',
  ({ hash }) => sql`SELECT ${COLUMNS} FROM console_session s WHERE s.hash = ${hash}`,
  { prepare: true },
);

const selectById = defineStatement<{ id: SessionId }, StoredConsoleSessionRow>(
  'console_session_by_id',
  ({ id }) => sql`SELECT ${COLUMNS} FROM console_session s WHERE s.id = ${id}`,
);

const lockById = defineStatement<{ id: SessionId }, StoredConsoleSessionRow>(
  'console_session_lock_by_id',
  ({ id }) => sql`SELECT ${COLUMNS} FROM console_session s WHERE s.id = ${id} FOR UPDATE`,
);

const listStatement = defineStatement<
  { method: string | null; subject: string | null; now: Date; seenAfter: Date; before: string | null; limit: number },
  StoredConsoleSessionRow
>(
  'console_session_list',
  ({ method, subject, now, seenAfter, before, limit }) => sql`SELECT ${COLUMNS} FROM console_session s
    WHERE s.ended_at IS NULL AND s.expires_at > ${now} AND s.last_seen_at > ${seenAfter} AND (${before}::text IS NULL OR s.id < ${before})
      AND (${method}::text IS NULL OR (s.method = ${method} AND s.subject = ${subject}))
    ORDER BY s.id DESC LIMIT ${limit}`,
);

const insertStatement = defineStatement<StoredConsoleSessionRow>(
  'console_session_insert',
  (
    s,
  ) => sql`INSERT INTO console_session (id, hash, method, subject, name, role, tenants, client_id, key_hash, created_at,
      authenticated_at, last_seen_at, expires_at, ended_at, mac)
    VALUES (${s.id}, ${s.hash}, ${s.method}, ${s.subject}, ${s.name}, ${s.role}, ${s.tenants}, ${s.client_id}, ${s.key_hash},
      ${s.created_at}, ${s.authenticated_at}, ${s.last_seen_at}, ${s.expires_at}, ${s.ended_at}, ${s.mac})`,
);

const touchStatement = defineStatement<{ id: SessionId; seenBefore: Date; seenAt: Date; mac: Buffer }>(
  'console_session_touch',
  ({ id, seenBefore, seenAt, mac }) => sql`UPDATE console_session SET last_seen_at = ${seenAt}, mac = ${mac}
    WHERE id = ${id} AND ended_at IS NULL AND last_seen_at = ${seenBefore}`,
);

const endStatement = defineStatement<{ id: SessionId; endedAt: Date; mac: Buffer }>(
  'console_session_end',
  ({ id, endedAt, mac }) =>
    sql`UPDATE console_session SET ended_at = ${endedAt}, mac = ${mac} WHERE id = ${id} AND ended_at IS NULL`,
);

const deleteStatement = defineStatement<{ before: Date; limit: number }>(
  'console_session_delete_expired',
  ({ before, limit }) => sql`DELETE FROM console_session WHERE id IN
    (SELECT id FROM console_session WHERE expires_at < ${before} ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
);

/** Sessions of people. One whose MAC doesn't verify counts as absent. */
@Injectable()
export class ConsoleSessionRepository {
  constructor(private readonly macs: RowMacs) {}

  /** Returns the session of a cookie, ended or not. */
  async findByHash(executor: Pick<SqlExecutor, 'rows'>, hash: Buffer): Promise<ConsoleSessionRow | null> {
    const [row] = await executor.rows(selectByHash({ hash }));
    return this.macs.accept(CONSOLE_SESSION_MAC, row);
  }

  async find(executor: SqlExecutor, id: SessionId): Promise<ConsoleSessionRow | null> {
    const [row] = await executor.rows(selectById({ id }));
    return this.macs.accept(CONSOLE_SESSION_MAC, row);
  }

  async lock(tx: SqlExecutor, id: SessionId): Promise<ConsoleSessionRow | null> {
    const [row] = await tx.rows(lockById({ id }));
    return this.macs.accept(CONSOLE_SESSION_MAC, row);
  }

  /** Lists live sessions of an owner (null: of all), newest first, before `before`. */
  async list(
    executor: SqlExecutor,
    owner: SessionOwner | null,
    { now, before, limit }: { now: Date; before: string | null; limit: number },
  ): Promise<ConsoleSessionRow[]> {
    const { method = null, subject = null } = owner ?? {};
    const seenAfter = addSeconds(now, -MAX_IDLE_SECONDS);
    const rows = await executor.rows(listStatement({ method, subject, now, seenAfter, before, limit }));
    return rows.flatMap((row) => this.macs.accept(CONSOLE_SESSION_MAC, row) ?? []);
  }

  async insert(tx: SqlExecutor, session: ConsoleSessionRow): Promise<void> {
    await tx.run(insertStatement({ ...session, mac: this.macs.compute(CONSOLE_SESSION_MAC, session) }));
  }

  /** Records that a session is in use, unless it has ended or another request has just recorded it. */
  async touch(executor: SqlExecutor, session: ConsoleSessionRow, seenAt: Date): Promise<void> {
    const { id, last_seen_at: seenBefore } = session;
    const mac = this.macs.compute(CONSOLE_SESSION_MAC, { ...session, last_seen_at: seenAt });
    await executor.run(touchStatement({ id, seenBefore, seenAt, mac }));
  }

  /** Ends a locked session. */
  async end(tx: SqlExecutor, session: ConsoleSessionRow, endedAt: Date): Promise<void> {
    const mac = this.macs.compute(CONSOLE_SESSION_MAC, { ...session, ended_at: endedAt });
    await tx.run(endStatement({ id: session.id, endedAt, mac }));
  }

  /** Deletes up to `limit` sessions that could no longer be used after `before`. Returns how many. */
  deleteExpired(executor: SqlExecutor, before: Date, limit: number): Promise<number> {
    return executor.run(deleteStatement({ before, limit }));
  }
}
