import { Injectable } from '@nestjs/common';
import { Config, type MetaConfig } from '../../config/config.ts';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import { mustAskAgain } from '../../meta/dialog/ask-again.ts';
import { buildDialogUrl } from '../../meta/dialog/dialog-url.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { MetaApps } from '../../meta/meta-apps.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { isId } from '../../platform/ids.ts';
import { ConnectAttemptRepository } from '../connect-attempt.repository.ts';
import { ConnectFailedError } from '../connect-failed-error.ts';
import { ConnectSessionRepository } from '../connect-session.repository.ts';
import type { ConnectSession } from '../connect-session.ts';
import { redirectUri } from '../connect-urls.ts';
import { findSessionApp } from '../session-app.ts';
import { ConnectSecrets } from '../sessions/connect-secrets.ts';
import { requireLoginConfigured } from '../sessions/require-login-configured.ts';
import { attemptNameOf } from './attempt-cookie.ts';
import { BrowserAttempts } from './browser-attempts.ts';

/** Time for the dialog, from when a browser opened the link. */
const DIALOG_TTL_SECONDS = 10 * 60;
/** Embedded Signup may include verifying a business and a number. */
const SIGNUP_TTL_SECONDS = 30 * 60;

export interface OpenedSession {
  session: ConnectSession;
  /** The attempt's name, which is public. */
  attempt: string;
  inPopup: boolean;
  /** `Set-Cookie`, one or more. */
  setCookies: string[];
  /** Whether the dialog should ask again about what was answered before: declined scopes, chosen Pages. */
  rerequest: boolean;
  /** Null: one of our pages runs the flow. */
  dialogUrl: string | null;
}

/** The link of a session that has expired or ended. Browsers see it only as `session_expired`. */
export class EndedLinkError extends ConnectFailedError {
  constructor(readonly session: ConnectSession) {
    super('session_expired', { isFinal: true });
    this.name = 'EndedLinkError';
  }
}

/** Gives each browser that opens a connect link its own state and cookie, so link scanners do no harm. */
@Injectable()
export class ConnectLinkService {
  constructor(
    private readonly sessions: ConnectSessionRepository,
    private readonly attempts: ConnectAttemptRepository,
    private readonly browserAttempts: BrowserAttempts,
    private readonly secrets: ConnectSecrets,
    private readonly connections: ConnectionRepository,
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly apps: MetaApps,
  ) {}

  /**
   * Returns a link's session. `link`: its token, or the session's id if one of the cookies proves that this browser
   * opened it before. Throws `session_expired` for expired and unknown links alike.
   */
  async find(link: string, cookies: string | undefined): Promise<ConnectSession> {
    const session = await this.findIncludingEnded(link, cookies);
    if (!this.sessions.isOpen(session)) throw new EndedLinkError(session);
    return session;
  }

  /**
   * The same for the full-page dialog. Embedded Signup may outlast its link: a browser with a live attempt's cookie may
   * continue until the attempt expires.
   */
  async findForDialog(link: string, cookies: string | undefined): Promise<ConnectSession> {
    const session = await this.findIncludingEnded(link, cookies);
    if (this.sessions.isOpen(session) || (await this.isUnderWay(session, cookies))) return session;
    throw new EndedLinkError(session);
  }

  /** The same, also for ended sessions: for browsers that opened it before. */
  async findIncludingEnded(link: string, cookies: string | undefined): Promise<ConnectSession> {
    if (isId(link, 'cns') && (await this.browserAttempts.findOfSession(link, { header: cookies })) === null)
      throw new ConnectFailedError('state_mismatch', { isFinal: true });
    const session = isId(link, 'cns')
      ? await this.sessions.findAcrossTenants(link)
      : await this.sessions.findByToken(this.secrets.hash(link));
    if (session === null) throw new ConnectFailedError('session_expired', { isFinal: true });
    return session;
  }

  /** Whether one of these cookies proves that the browser passed the page before the dialog, if there is one. */
  async mayProceed(session: ConnectSession, cookies: string | undefined): Promise<boolean> {
    return !session.confirm || this.browserAttempts.isAt(session.id, cookies);
  }

  /**
   * `cookies`: the browser's `Cookie` header. Throws `login_not_configured` if a setting of this login has been
   * removed.
   */
  async open(
    session: ConnectSession,
    cookies: string | undefined,
    { asFullPage, inPopup }: { asFullPage: boolean; inPopup: boolean },
  ): Promise<OpenedSession> {
    const app = await findSessionApp(this.apps, session);
    requireLoginConfigured(app, session);
    const state = this.secrets.make();
    const isSignup = loginFlow(session.flow).isOpenedBySdk;
    const earlier = await this.connections.findEarlierLogins(session.tenant, session.product);
    const rerequest = mustAskAgain(session.flow, earlier);
    const openedAt = this.clock.now();
    const { attempt, setCookies } = this.browserAttempts.open(cookies, {
      stateHash: state.hash,
      sessionId: session.id,
      openedAt,
      inPopup,
      expiresAt: addSeconds(openedAt, isSignup ? SIGNUP_TTL_SECONDS : DIALOG_TTL_SECONDS),
    });
    await this.attempts.add(attempt);
    return {
      session,
      attempt: attemptNameOf(state.hash),
      inPopup,
      setCookies,
      rerequest,
      dialogUrl: isSignup && !asFullPage ? null : this.dialogUrl(app.config, session, state.value, rerequest),
    };
  }

  private async isUnderWay(session: ConnectSession, cookies: string | undefined): Promise<boolean> {
    const now = this.clock.now();
    const isOver = session.closedAt !== null || addSeconds(session.expiresAt, SIGNUP_TTL_SECONDS) <= now;
    if (isOver || !loginFlow(session.flow).isOpenedBySdk) return false;
    return this.browserAttempts.isAt(session.id, cookies);
  }

  private dialogUrl(meta: MetaConfig, session: ConnectSession, state: string, rerequest: boolean): string {
    const { product, flow, scopes, featureType, features } = session;
    const signup = loginFlow(flow).takesSignupFeatures ? { featureType, features } : {};
    const asked = { product, flow, scopes, state, rerequest, redirectUri: redirectUri(this.config), ...signup };
    return buildDialogUrl(meta, asked);
  }
}
