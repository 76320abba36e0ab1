import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { Clock } from '../../platform/clock.ts';
import { ConnectAttemptRepository } from '../connect-attempt.repository.ts';
import type { OpenedAttempt } from '../connect-session.ts';
import type { ConnectSessionId } from '../ids.ts';
import { ConnectSecrets } from '../sessions/connect-secrets.ts';
import {
  type AttemptCookie,
  attemptNameOf,
  expireAttemptCookie,
  readAttemptCookies,
  readEndedCookie,
  serializeAttemptCookie,
  serializeEndedCookie,
} from './attempt-cookie.ts';
import { AttemptSigner } from './attempt-signer.ts';

/** Attempt cookies of a browser, not counting ended attempts. */
const MAX_COOKIES = 10;
/** Deletions per response, to keep its headers small; the next response deletes more. */
const MAX_EXPIRED = 20;
/** Ended attempts whose result is still shown. */
const MAX_ENDED = 5;

export interface BrowserCookies {
  /** `Cookie` */
  header: string | undefined;
  /** The name of the attempt to find; absent: any. */
  attempt?: string | null;
}

/**
 * The attempts that a browser proves with its cookies. A signed cookie needs no row. A replica of the previous release
 * sets random ones, proved by the hash in the attempt's row; those attempts last 30 minutes, their results an hour.
 */
@Injectable()
export class BrowserAttempts {
  constructor(
    private readonly signer: AttemptSigner,
    private readonly attempts: ConnectAttemptRepository,
    private readonly secrets: ConnectSecrets,
    private readonly config: Config,
    private readonly clock: Clock,
  ) {}

  /**
   * Returns the `Set-Cookie` lines for a new attempt: its cookie, and the oldest one's deletion if there are too many.
   */
  open(
    header: string | undefined,
    opened: Omit<OpenedAttempt, 'cookieHash'>,
  ): { attempt: OpenedAttempt; setCookies: string[] } {
    const { value, attempt } = this.signer.sign(opened);
    const { publicUrl } = this.config;
    const oldest = readAttemptCookies(header, publicUrl)
      .map((cookie) => ({ cookie, openedAt: this.verify(cookie)?.openedAt.getTime() ?? 0 }))
      .sort((a, b) => a.openedAt - b.openedAt)
      .slice(0, -(MAX_COOKIES - 1))
      .slice(0, MAX_EXPIRED);
    const setCookies = [
      ...oldest.map(({ cookie }) => expireAttemptCookie(publicUrl, cookie.name)),
      serializeAttemptCookie(publicUrl, { name: attemptNameOf(attempt.stateHash), value }),
    ];
    return { attempt, setCookies };
  }

  /**
   * Returns the `Set-Cookie` lines for an ended attempt, or for all of the session's if that ended too. One cookie
   * keeps proving the last ones, so that reloads and repeated callbacks end the same way.
   */
  end(header: string | undefined, attempt: OpenedAttempt, { isSessionOver }: { isSessionOver: boolean }): string[] {
    const { publicUrl } = this.config;
    const name = attemptNameOf(attempt.stateHash);
    const over = readAttemptCookies(header, publicUrl)
      .map((cookie) => ({ cookie, proved: this.verify(cookie) }))
      .filter((each) => each.cookie.name === name || (isSessionOver && each.proved?.sessionId === attempt.sessionId));
    if (over.length === 0) return [];
    const others = over.flatMap(({ proved }) => (proved === null ? [] : [proved])).sort(newestFirst);
    const values = [attempt, ...others, ...this.ended(header)].map((each) => this.signer.sign(each).value);
    return [
      ...over.slice(0, MAX_EXPIRED).map(({ cookie }) => expireAttemptCookie(publicUrl, cookie.name)),
      serializeEndedCookie(publicUrl, [...new Set(values)].slice(0, MAX_ENDED)),
    ];
  }

  /** Returns the attempt of a state, ended or not, if this is its browser. */
  async findByState(header: string | undefined, stateHash: Buffer): Promise<OpenedAttempt | null> {
    const { current, ended, unsigned } = this.read({ header, attempt: attemptNameOf(stateHash) });
    const own = [...current, ...ended].find((each) => timingSafeEqual(each.stateHash, stateHash));
    const [cookie] = unsigned;
    if (own !== undefined || cookie === undefined) return own ?? null;
    const row = await this.attempts.find(stateHash);
    return row !== null && timingSafeEqual(this.secrets.hash(cookie.value), row.cookieHash) ? row : null;
  }

  /** Returns the newest attempt of a session that this browser proves, ended or not. */
  async findOfSession(sessionId: ConnectSessionId, cookies: BrowserCookies): Promise<OpenedAttempt | null> {
    const { current, ended, unsigned } = this.read(cookies);
    const [own] = [...current, ...ended].filter((each) => each.sessionId === sessionId).sort(newestFirst);
    return own ?? this.findUnsigned(sessionId, unsigned);
  }

  /** Whether this browser is in the session's dialog: its attempt has neither expired nor received a result. */
  async isAt(sessionId: ConnectSessionId, header: string | undefined): Promise<boolean> {
    const { current, unsigned } = this.read({ header });
    const [own] = current.filter((each) => each.sessionId === sessionId).sort(newestFirst);
    const newest = own ?? (await this.findUnsigned(sessionId, unsigned));
    return newest !== null && newest.expiresAt > this.clock.now();
  }

  private async findUnsigned(sessionId: ConnectSessionId, cookies: AttemptCookie[]): Promise<OpenedAttempt | null> {
    if (cookies.length === 0) return null;
    const hashes = cookies.map(({ value }) => this.secrets.hash(value));
    return this.attempts.findByCookie(sessionId, hashes);
  }

  private read({ header, attempt = null }: BrowserCookies): {
    current: OpenedAttempt[];
    ended: OpenedAttempt[];
    unsigned: AttemptCookie[];
  } {
    const cookies = readAttemptCookies(header, this.config.publicUrl);
    const isMeant = (name: string): boolean => attempt === null || name === attempt;
    const meant = cookies.filter(({ name }) => isMeant(name));
    return {
      current: meant.flatMap((cookie) => this.verify(cookie) ?? []),
      ended: this.ended(header).filter(({ stateHash }) => isMeant(attemptNameOf(stateHash))),
      unsigned: meant.filter(({ value }) => !value.includes('.')),
    };
  }

  private ended(header: string | undefined): OpenedAttempt[] {
    const values = readEndedCookie(header, this.config.publicUrl).slice(0, MAX_ENDED);
    return values.flatMap((value) => this.signer.verify(value) ?? []);
  }

  private verify({ name, value }: AttemptCookie): OpenedAttempt | null {
    const attempt = this.signer.verify(value);
    return attempt !== null && attemptNameOf(attempt.stateHash) === name ? attempt : null;
  }
}

function newestFirst(a: OpenedAttempt, b: OpenedAttempt): number {
  return b.openedAt.getTime() - a.openedAt.getTime();
}
