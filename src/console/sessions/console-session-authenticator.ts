import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { unauthenticated } from '../../auth/auth-problems.ts';
import type { AuthenticatedClient, SignedInPerson } from '../../auth/authenticated-client.ts';
import { findClient } from '../../auth/client.repository.ts';
import { findClientByKey } from '../../auth/client-lookup.query.ts';
import { toAuthenticatedClient } from '../../auth/client-resolver.ts';
import { KeyHasher } from '../../auth/credentials/key-hasher.ts';
import { RefusalListener } from '../../auth/refusal-listener.ts';
import { SessionAuthenticator } from '../../auth/session-authenticator.ts';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { RowMacs } from '../../database/row-macs.ts';
import { Clock } from '../../platform/clock.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { AppError } from '../../platform/problem.ts';
import { canSignIn } from '../sign-in/console-roles.ts';
import { ConsoleSessionRepository } from './console-session.repository.ts';
import { type ConsoleSessionRow, isLive } from './console-session.ts';
import { requireOwnOrigin } from './own-origin.ts';
import { readSessionCookie } from './session-cookie.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const TOUCH_INTERVAL_MS = 60_000;
const ENDED = { detail: 'The session has ended.', remedy: 'Sign in again.' };

/**
 * Authenticates the cookies of people's sessions. Reads the session, and the client it belongs to, on every request, so
 * that changes to either take effect at once on every replica.
 */
@Injectable()
export class ConsoleSessionAuthenticator extends SessionAuthenticator {
  constructor(
    private readonly sessions: ConsoleSessionRepository,
    private readonly database: Database,
    private readonly macs: RowMacs,
    private readonly hasher: KeyHasher,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly refusals: RefusalListener,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {
    super();
  }

  override async authenticate(request: FastifyRequest): Promise<AuthenticatedClient | null> {
    const token = readSessionCookie(request.headers.cookie);
    if (token === null) return null;
    if (!SAFE_METHODS.has(request.method)) requireOwnOrigin(request, this.config);
    const session = await this.sessions.findByHash(this.database, this.hasher.blindIndex(token));
    if (session?.ended_at != null) await this.reportReplay(session, request);
    const now = this.clock.now();
    if (session === null || !isLive(session, now)) throw new AppError(unauthenticated, ENDED);
    const found = await this.resolve(session, now);
    if (found === null) throw new AppError(unauthenticated, ENDED);
    await this.touch(session, now);
    return found;
  }

  /** Null if the client, or the key, that the session belongs to is gone. */
  private async resolve(session: ConsoleSessionRow, now: Date): Promise<AuthenticatedClient | null> {
    const person = toPerson(session);
    if (session.client_id === null) return toClientlessPerson(session, person);
    const row =
      session.key_hash === null
        ? await findClient(this.database, this.macs, session.client_id)
        : await findClientByKey(this.database, this.macs, session.key_hash);
    if (row === null || row.id !== session.client_id || !canSignIn(row.role)) return null;
    if ('key_expires_at' in row && row.key_expires_at !== null && row.key_expires_at <= now) return null;
    return { ...toAuthenticatedClient(row, session.key_hash), person };
  }

  /** A session that can't be kept alive, because the database takes no writes, still works. */
  private async touch(session: ConsoleSessionRow, now: Date): Promise<void> {
    if (now.getTime() - session.last_seen_at.getTime() < TOUCH_INTERVAL_MS) return;
    try {
      await this.sessions.touch(this.database, session, now);
    } catch (error) {
      this.logger.warn({ err: error, session_id: session.id }, 'could not record that a session is in use');
    }
  }

  /** A cookie that outlived its sign-out may have been stolen. */
  private reportReplay({ id, ...session }: ConsoleSessionRow, request: FastifyRequest): Promise<void> {
    const reason = 'ended_session';
    const caller = { clientId: session.client_id ?? id, person: toPerson({ id, ...session }) };
    const details = { reason, address: request.ip };
    return this.refusals.report({ kind: reason, source: id, caller, requestId: String(request.id), details });
  }
}

function toPerson(session: ConsoleSessionRow): SignedInPerson {
  const { id: sessionId, method, subject, name, authenticated_at: authenticatedAt } = session;
  return { sessionId, method, subject, name, authenticatedAt };
}

function toClientlessPerson(session: ConsoleSessionRow, person: SignedInPerson): AuthenticatedClient | null {
  const { id, name, role, tenants } = session;
  if (!canSignIn(role)) return null;
  return {
    clientId: id,
    name,
    role,
    tenants,
    products: ['*'],
    leaseModes: [],
    maxTtlSeconds: 0,
    rateLimitPerSecond: null,
    ipAllowList: null,
    policyVersion: 0,
    keyHash: null,
    person,
  };
}
