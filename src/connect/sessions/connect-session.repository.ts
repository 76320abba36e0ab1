import { Injectable } from '@nestjs/common';
import type { DialogFlow, Product } from '../../config/products.ts';
import { Database, type Transaction } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import type { ConnectErrorCode } from '../connect-failed-error.ts';

/** An invitation to connect one tenant for one product. */
export interface ConnectSession {
  id: string;
  tenant: string;
  product: Product;
  flow: DialogFlow;
  /** What the dialog asks for. */
  scopes: string[];
  returnUrl: string | null;
  /** The client that made it. */
  clientId: string;
  expiresAt: Date;
  /** Set with the first success. */
  connectionId: string | null;
  closedAt: Date | null;
}

/** One browser that opened a session, and what its callback ended on. */
export interface ConnectAttempt {
  stateHash: Buffer;
  sessionId: string;
  cookieHash: Buffer;
  expiresAt: Date;
  /** Its state was used; it counts once. */
  consumedAt: Date | null;
  connectionId: string | null;
  error: ConnectErrorCode | null;
}

interface SessionRow {
  id: string;
  tenant: string;
  product: Product;
  flow: DialogFlow;
  scopes: string[];
  return_url: string | null;
  client_id: string;
  expires_at: Date;
  connection_id: string | null;
  closed_at: Date | null;
}

interface AttemptRow {
  state_hash: Buffer;
  session_id: string;
  cookie_hash: Buffer;
  expires_at: Date;
  consumed_at: Date | null;
  connection_id: string | null;
  error: ConnectErrorCode | null;
}

const SESSION_COLUMNS =
  'id, tenant, product, flow, scopes, return_url, client_id, expires_at, connection_id, closed_at';
const ATTEMPT_COLUMNS = 'state_hash, session_id, cookie_hash, expires_at, consumed_at, connection_id, error';
/** A link that is opened more often loses its oldest unused attempts, so nobody can fill the table, or lock a person out. */
const MAX_UNUSED_ATTEMPTS = 50;

/** The rows of connect sessions and of the browsers that opened them. */
@Injectable()
export class ConnectSessionRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async insert(tx: Transaction, session: ConnectSession, tokenHash: Buffer): Promise<void> {
    await tx.run({
      text: `INSERT INTO connect_session (id, token_hash, tenant, product, flow, scopes, return_url, client_id, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      values: [
        session.id,
        tokenHash,
        session.tenant,
        session.product,
        session.flow,
        session.scopes,
        session.returnUrl,
        session.clientId,
        this.clock.now(),
        session.expiresAt,
      ],
    });
  }

  async findByToken(tokenHash: Buffer): Promise<ConnectSession | null> {
    const [row] = await this.database.rows<SessionRow>({
      text: `SELECT ${SESSION_COLUMNS} FROM connect_session WHERE token_hash = $1`,
      values: [tokenHash],
    });
    return row === undefined ? null : toSession(row);
  }

  /** Whatever its tenant: the caller's policy is the caller's business. */
  async findAcrossTenants(id: string): Promise<ConnectSession | null> {
    const [row] = await this.database.rows<SessionRow>({
      text: `SELECT ${SESSION_COLUMNS} FROM connect_session WHERE id = $1`,
      values: [id],
    });
    return row === undefined ? null : toSession(row);
  }

  /** Whether it may still be opened or completed. */
  isOpen(session: ConnectSession): boolean {
    return session.closedAt === null && session.expiresAt > this.clock.now();
  }

  async addAttempt(
    attempt: Pick<ConnectAttempt, 'stateHash' | 'sessionId' | 'cookieHash' | 'expiresAt'>,
  ): Promise<void> {
    await this.database.run({
      text: `INSERT INTO connect_attempt (state_hash, session_id, cookie_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
      values: [attempt.stateHash, attempt.sessionId, attempt.cookieHash, this.clock.now(), attempt.expiresAt],
    });
    await this.database.run({
      text: `DELETE FROM connect_attempt WHERE state_hash IN (
        SELECT state_hash FROM connect_attempt WHERE session_id = $1 AND consumed_at IS NULL
        ORDER BY created_at DESC OFFSET $2)`,
      values: [attempt.sessionId, MAX_UNUSED_ATTEMPTS],
    });
  }

  async findAttempt(stateHash: Buffer): Promise<ConnectAttempt | null> {
    const [row] = await this.database.rows<AttemptRow>({
      text: `SELECT ${ATTEMPT_COLUMNS} FROM connect_attempt WHERE state_hash = $1`,
      values: [stateHash],
    });
    return row === undefined ? null : toAttempt(row);
  }

  /** The newest attempt of a session that one of these cookies belongs to. */
  async findAttemptByCookie(sessionId: string, cookieHashes: Buffer[]): Promise<ConnectAttempt | null> {
    const [row] = await this.database.rows<AttemptRow>({
      text: `SELECT ${ATTEMPT_COLUMNS} FROM connect_attempt WHERE session_id = $1 AND cookie_hash = ANY ($2)
        ORDER BY created_at DESC LIMIT 1`,
      values: [sessionId, cookieHashes],
    });
    return row === undefined ? null : toAttempt(row);
  }

  /**
   * Uses an attempt's state up, once: true for exactly one caller, and only while attempt and session are good. With `error`
   * that is at once what it ended on.
   */
  async consume(sql: SqlExecutor, stateHash: Buffer, error: ConnectErrorCode | null): Promise<boolean> {
    const consumed = await sql.run({
      text: `UPDATE connect_attempt a SET consumed_at = $2, error = $3 FROM connect_session s
        WHERE a.state_hash = $1 AND a.consumed_at IS NULL AND a.expires_at > $2 AND s.id = a.session_id AND s.closed_at IS NULL`,
      values: [stateHash, this.clock.now(), error],
    });
    return consumed === 1;
  }

  /** Writes what an attempt ended on; the first word stays. */
  async recordError(sql: SqlExecutor, stateHash: Buffer, error: ConnectErrorCode): Promise<boolean> {
    const updated = await sql.run({
      text: `UPDATE connect_attempt SET error = $2 WHERE state_hash = $1 AND error IS NULL AND connection_id IS NULL`,
      values: [stateHash, error],
    });
    return updated === 1;
  }

  /**
   * Ends a session with its first success. A later one of the same connection is the same success (two browsers of one person);
   * false where the session belongs to another connection already.
   */
  async close(tx: Transaction, sessionId: string, stateHash: Buffer | null, connectionId: string): Promise<boolean> {
    const closed = await tx.run({
      text: `UPDATE connect_session SET connection_id = $2, closed_at = coalesce(closed_at, $3)
        WHERE id = $1 AND (closed_at IS NULL OR connection_id = $2)`,
      values: [sessionId, connectionId, this.clock.now()],
    });
    if (closed !== 1) return false;
    if (stateHash !== null) {
      await tx.run({
        text: 'UPDATE connect_attempt SET connection_id = $2, error = NULL WHERE state_hash = $1',
        values: [stateHash, connectionId],
      });
    }
    return true;
  }

  /** Sessions whose time was over before `instant`, with their attempts; those whose token is still on its way stay. */
  async removeExpiredBefore(instant: Date): Promise<number> {
    return this.database.run({
      text: `DELETE FROM connect_session s WHERE expires_at < $1
        AND NOT EXISTS (SELECT 1 FROM pending_authorization i WHERE i.session_id = s.id)`,
      values: [instant],
    });
  }
}

function toSession(row: SessionRow): ConnectSession {
  return {
    id: row.id,
    tenant: row.tenant,
    product: row.product,
    flow: row.flow,
    scopes: row.scopes,
    returnUrl: row.return_url,
    clientId: row.client_id,
    expiresAt: row.expires_at,
    connectionId: row.connection_id,
    closedAt: row.closed_at,
  };
}

function toAttempt(row: AttemptRow): ConnectAttempt {
  return {
    stateHash: row.state_hash,
    sessionId: row.session_id,
    cookieHash: row.cookie_hash,
    expiresAt: row.expires_at,
    consumedAt: row.consumed_at,
    connectionId: row.connection_id,
    error: row.error,
  };
}
