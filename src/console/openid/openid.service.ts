import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { networkOf } from '../../auth/limits/failed-attempt-limiter.ts';
import { RefusalListener } from '../../auth/refusal-listener.ts';
import { Config, type ConsoleOidcConfig } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { AppError } from '../../platform/problem.ts';
import { signInMethodDisabled } from '../console-problems.ts';
import { ConsoleSessions, type SignIn, type StartedSession } from '../sessions/console-sessions.service.ts';
import { nameOf, toEntitlement } from './claims-mapping.ts';
import { OpenIdError } from './open-id-error.ts';
import { OpenIdProvider, type VerifiedPerson } from './openid-provider.ts';
import { type SignInAttempt, SignInAttempts } from './sign-in-attempt.ts';

/** How far the provider's clock may be off. */
const CLOCK_TOLERANCE_MS = 60_000;

/** Signs people in with the identity provider. */
@Injectable()
export class OpenIdSignIn {
  constructor(
    private readonly provider: OpenIdProvider,
    private readonly attempts: SignInAttempts,
    private readonly sessions: ConsoleSessions,
    private readonly database: Database,
    private readonly refusals: RefusalListener,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  /**
   * Begins a sign-in. Returns where to send the browser, with which cookie. Throws 403 `sign_in_method_disabled`,
   * `OpenIdError`.
   */
  async begin(
    request: FastifyRequest,
    options: { returnTo: string; isFresh: boolean },
  ): Promise<{ url: string; cookie: string }> {
    const settings = this.settings();
    const replacedId = await this.sessions.idOfCookie(request.headers.cookie);
    const attempt = this.attempts.begin({ ...options, replacedId });
    const url = await this.provider.authorizationUrl(settings, this.attempts.proofsOf(attempt), options.isFresh);
    return { url, cookie: this.attempts.serialize(attempt) };
  }

  /** Ends a sign-in with what the browser brought back. Throws 403 `sign_in_method_disabled`, `OpenIdError`. */
  async finish(request: FastifyRequest): Promise<StartedSession & { returnTo: string }> {
    const settings = this.settings();
    const attempt = this.attempts.read(request.headers.cookie);
    const start = request.url.indexOf('?');
    const query = start < 0 ? '' : request.url.slice(start);
    const person = await this.provider.redeem(settings, query, this.attempts.proofsOf(attempt));
    requireFreshness(attempt, person);
    const { subject, claims, authenticatedAt } = person;
    const signIn: SignIn = {
      method: 'oidc',
      subject,
      name: nameOf(claims, subject),
      ...toEntitlement(settings, claims, subject),
      client_id: null,
      key_hash: null,
      authenticated_at: authenticatedAt,
    };
    const by = { requestId: String(request.id), address: request.ip, replacedId: attempt.replacedId };
    const started = await this.database.transaction((tx) => this.sessions.start(tx, signIn, by));
    return { ...started, returnTo: attempt.returnTo };
  }

  /** Records why a sign-in failed. */
  async reportFailure({ code, subject, cause }: OpenIdError, { id, ip }: FastifyRequest): Promise<void> {
    const requestId = String(id);
    if (cause !== undefined) this.logger.warn({ code, request_id: requestId, ...describe(cause) }, 'a sign-in failed');
    const address = networkOf(ip);
    const details = { reason: code, method: 'oidc', address, ...(subject === null ? {} : { subject }) };
    await this.refusals.report({ kind: 'sign_in', source: subject ?? address, caller: null, requestId, details });
  }

  private settings(): ConsoleOidcConfig {
    const { oidc } = this.config.console;
    if (oidc === null) throw new AppError(signInMethodDisabled);
    return oidc;
  }
}

/** A provider may ignore `max_age` and `prompt`, but it can't lie about `auth_time`. */
function requireFreshness({ isFresh, startedAt }: SignInAttempt, { subject, authenticatedAt }: VerifiedPerson): void {
  if (!isFresh) return;
  if (authenticatedAt === null || authenticatedAt.getTime() < startedAt.getTime() - CLOCK_TOLERANCE_MS)
    throw new OpenIdError('sign_in_not_fresh', subject);
}

/** Not the error itself, whose causes can hold the provider's answer with its tokens. */
function describe(cause: unknown): object {
  if (!(cause instanceof Error)) return {};
  const { name, message, code } = cause as Error & { code?: unknown };
  return { error: name, error_code: code, error_message: message };
}
