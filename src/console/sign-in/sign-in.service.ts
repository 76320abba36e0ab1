import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { unauthenticated } from '../../auth/auth-problems.ts';
import type { ResolvedClient } from '../../auth/authenticated-client.ts';
import { AuthenticationService } from '../../auth/authentication.service.ts';
import { findClient } from '../../auth/client.repository.ts';
import { type CredentialRejectionReason, RejectedCredential } from '../../auth/credentials/rejected-credential.ts';
import type { ClientId } from '../../auth/ids.ts';
import { FailedAttemptLimiter } from '../../auth/limits/failed-attempt-limiter.ts';
import { Config } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { RowMacs } from '../../database/row-macs.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/problem.ts';
import { signInMethodDisabled, signInRefused } from '../console-problems.ts';
import type { SignInLinkRow } from '../links/sign-in-link.repository.ts';
import { SignInLinks } from '../links/sign-in-links.service.ts';
import {
  ConsoleSessions,
  type SignIn,
  type SignInRequest,
  type StartedSession,
} from '../sessions/console-sessions.service.ts';
import { canSignIn } from './console-roles.ts';

const EVERY_TENANT = ['*'];

/** Signs people in with a client's key, or with a link. */
@Injectable()
export class SignInService {
  constructor(
    private readonly authentication: AuthenticationService,
    private readonly attempts: FailedAttemptLimiter,
    private readonly links: SignInLinks,
    private readonly sessions: ConsoleSessions,
    private readonly database: Database,
    private readonly macs: RowMacs,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /**
   * Throws 403 `sign_in_method_disabled` and `address_not_allowed`, 401 `sign_in_refused`, 429 `too_many_attempts`.
   */
  async withKey(key: string, request: FastifyRequest): Promise<StartedSession> {
    if (!this.config.console.keySignIn) throw new AppError(signInMethodDisabled);
    const client = await this.authentication.authenticateCredential(key, request, 0).catch((error: unknown) => {
      throw toRefusal(error);
    });
    // An issuer's token has no key to which the session could be tied.
    if (client.keyHash === null || !canSignIn(client.role))
      throw await this.refuse(request, 'role_without_console', client.clientId);
    const signIn = this.toSignIn('key', client.clientId, client, client.keyHash);
    const by = await this.toSignInRequest(request);
    return this.database.transaction((tx) => this.sessions.start(tx, signIn, by));
  }

  /** Throws 401 `sign_in_refused`, 429 `too_many_attempts`. */
  async withLink(token: string, request: FastifyRequest): Promise<StartedSession> {
    const by = await this.toSignInRequest(request);
    const outcome = await this.database.transaction(async (tx) => {
      const link = await this.links.redeem(tx, token);
      if (typeof link === 'string') return link;
      const signIn = await this.signInOf(tx, link);
      return signIn === null ? 'role_without_console' : this.sessions.start(tx, signIn, by);
    });
    if (typeof outcome === 'string') throw await this.refuse(request, outcome, null);
    return outcome;
  }

  /** Null if the client that created the link is gone, or no longer an admin. */
  private async signInOf(tx: SqlExecutor, { id, name, client_id: clientId }: SignInLinkRow): Promise<SignIn | null> {
    if (clientId === null) {
      const anonymous = { name, role: 'admin' as const, tenants: EVERY_TENANT, clientId: null };
      return this.toSignIn('link', id, anonymous, null);
    }
    const client = await findClient(tx, this.macs, clientId);
    return client?.role !== 'admin' ? null : this.toSignIn('link', id, { ...client, clientId }, null);
  }

  private toSignIn(
    method: 'key' | 'link',
    subject: string,
    {
      name,
      role,
      tenants,
      clientId,
    }: Pick<ResolvedClient, 'name' | 'role' | 'tenants'> & { clientId: ClientId | null },
    keyHash: Buffer | null,
  ): SignIn {
    return {
      method,
      subject,
      name,
      role,
      tenants: [...tenants],
      client_id: clientId,
      key_hash: keyHash,
      authenticated_at: this.clock.now(),
    };
  }

  private async toSignInRequest({ id, ip, headers }: FastifyRequest): Promise<SignInRequest> {
    return { requestId: String(id), address: ip, replacedId: await this.sessions.idOfCookie(headers.cookie) };
  }

  private async refuse(
    request: FastifyRequest,
    reason: CredentialRejectionReason,
    clientId: ClientId | null,
  ): Promise<AppError> {
    const rejected = new RejectedCredential(reason, clientId);
    return toRefusal(await this.attempts.refuse(request.ip, rejected, String(request.id)));
  }
}

/** Converts the refusal of a credential to the console's error. */
function toRefusal(error: unknown): AppError {
  if (!(error instanceof AppError)) throw error;
  return error.type === unauthenticated ? new AppError(signInRefused) : error;
}
