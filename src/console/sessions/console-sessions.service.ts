import { Injectable } from '@nestjs/common';
import { toActor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { generateChecksummedToken } from '../../auth/credentials/checksummed-token.ts';
import { KeyHasher } from '../../auth/credentials/key-hasher.ts';
import type { SessionId } from '../../auth/ids.ts';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Ids, isId } from '../../platform/ids.ts';
import { AppError } from '../../platform/problem.ts';
import { Random } from '../../platform/random.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { consoleSessionNotFound } from '../console-problems.ts';
import { ConsoleSessionRepository, type SessionOwner } from './console-session.repository.ts';
import { type ConsoleSessionRow, isLive, MAX_SESSION_SECONDS } from './console-session.ts';
import { readSessionCookie, SESSION_TOKEN_PREFIX } from './session-cookie.ts';

/** Who signs in, and how. */
export type SignIn = Pick<
  ConsoleSessionRow,
  'method' | 'subject' | 'name' | 'role' | 'tenants' | 'client_id' | 'key_hash' | 'authenticated_at'
>;

/** The request that signs in. */
export interface SignInRequest {
  requestId: string;
  address: string;
  /** The session that the browser had, which ends. */
  replacedId: SessionId | null;
}

export interface StartedSession {
  session: ConsoleSessionRow;
  /** For the cookie. */
  token: SecretString;
}

/** Starts, lists and ends sessions. */
@Injectable()
export class ConsoleSessions {
  constructor(
    private readonly config: Config,
    private readonly sessions: ConsoleSessionRepository,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly hasher: KeyHasher,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
  ) {}

  /** Starts a session with a token of its own, whatever cookie came (session fixation), and ends the cookie's. */
  async start(tx: SqlExecutor, signIn: SignIn, request: SignInRequest): Promise<StartedSession> {
    const now = this.clock.now();
    const token = generateChecksummedToken(SESSION_TOKEN_PREFIX, this.random);
    const session: ConsoleSessionRow = {
      ...signIn,
      id: this.ids.next('ses'),
      hash: this.hasher.blindIndex(token.expose()),
      created_at: now,
      last_seen_at: now,
      expires_at: addSeconds(now, this.longestLife(signIn)),
      ended_at: null,
    };
    const replacedId = await this.endReplaced(tx, request, now);
    await this.sessions.insert(tx, session);
    const { method, role, tenants, client_id: clientId } = session;
    await this.audit.record(tx, {
      action: 'console.signed_in',
      actor: actorOf(session),
      subjectId: session.id,
      requestId: request.requestId,
      details: {
        method,
        role,
        tenants,
        address: request.address,
        ...(clientId === null ? {} : { client_id: clientId }),
        ...(replacedId === null ? {} : { replaced_id: replacedId }),
      },
    });
    return { session, token };
  }

  /** Only the next sign-in asks the provider about the person again. */
  private longestLife({ method }: SignIn): number {
    const { oidc } = this.config.console;
    return method === 'oidc' && oidc !== null ? oidc.sessionSeconds : MAX_SESSION_SECONDS;
  }

  /** Returns the id of the session in a `Cookie` header, ended or not. */
  async idOfCookie(cookie: string | undefined): Promise<SessionId | null> {
    const token = readSessionCookie(cookie);
    if (token === null) return null;
    const session = await this.sessions.findByHash(this.database, this.hasher.blindIndex(token));
    return session?.id ?? null;
  }

  /** Returns the session that made a request; null for a key or token. */
  async current({ person }: AuthenticatedClient): Promise<ConsoleSessionRow | null> {
    return person === undefined ? null : this.sessions.find(this.database, person.sessionId);
  }

  /** Live sessions, newest first, `limit` + 1 of them: admins see all, others their own. */
  list(client: AuthenticatedClient, limit: number, before: string | null): Promise<ConsoleSessionRow[]> {
    const page = { now: this.clock.now(), before, limit: limit + 1 };
    return this.sessions.list(this.database, client.role === 'admin' ? null : ownerOf(client), page);
  }

  /** Ends the caller's own session. */
  async signOut(client: AuthenticatedClient, requestId: string): Promise<void> {
    const { person } = client;
    if (person === undefined) return;
    await this.database.transaction(async (tx) => {
      const session = await this.sessions.lock(tx, person.sessionId);
      if (session === null || session.ended_at !== null) return;
      await this.sessions.end(tx, session, this.clock.now());
      const actor = toActor(client);
      await this.audit.record(tx, { action: 'console.signed_out', actor, subjectId: session.id, requestId });
    });
  }

  /**
   * Ends one of the caller's sessions, or for an admin any session. Idempotent. Throws 404 `console_session_not_found`.
   */
  async end(client: AuthenticatedClient, id: string, requestId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const session = isId(id, 'ses') ? await this.sessions.lock(tx, id) : null;
      if (session === null || !(client.role === 'admin' || isOwnedBy(session, client)))
        throw new AppError(consoleSessionNotFound);
      if (session.ended_at !== null) return;
      await this.sessions.end(tx, session, this.clock.now());
      await this.audit.record(tx, {
        action: 'console.session_ended',
        actor: toActor(client),
        subjectId: session.id,
        requestId,
        details: { name: session.name },
      });
    });
  }

  /** Ends the session that the signing-in browser had. Returns its id. */
  private async endReplaced(tx: SqlExecutor, { replacedId }: SignInRequest, now: Date): Promise<SessionId | null> {
    const session = replacedId === null ? null : await this.sessions.lock(tx, replacedId);
    if (session === null || !isLive(session, now)) return null;
    await this.sessions.end(tx, session, now);
    return session.id;
  }
}

function actorOf(session: ConsoleSessionRow): ReturnType<typeof toActor> {
  const { id, method, subject, name, client_id: clientId, authenticated_at: authenticatedAt } = session;
  return toActor({ clientId: clientId ?? id, person: { sessionId: id, method, subject, name, authenticatedAt } });
}

/** A key's sessions belong to its client, also when the client calls with the key itself. */
function ownerOf({ clientId, person }: AuthenticatedClient): SessionOwner {
  return person === undefined ? { method: 'key', subject: clientId } : person;
}

function isOwnedBy(session: ConsoleSessionRow, client: AuthenticatedClient): boolean {
  const { method, subject } = ownerOf(client);
  return session.method === method && session.subject === subject;
}
