import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { KeyHasher } from '../../auth/credentials/key-hasher.ts';
import type { SessionId } from '../../auth/ids.ts';
import { Clock } from '../../platform/clock.ts';
import { readCookies } from '../../platform/http-server/cookie-header.ts';
import { isId } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import { OpenIdError } from './open-id-error.ts';

/** Lax: sent with the provider's redirect back, but with no other site's POST. */
const NAME = '__Host-metavault_console_sign_in';
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Lax';
const LIFETIME_SECONDS = 10 * 60;
const SECRET_BYTES = 32;
/** Base64url secret, base-36 milliseconds, whether it is fresh, replaced session, base64url path, base64url MAC. */
const FORM = /^(([\w-]{43})\.([0-9a-z]{1,9})\.([01])\.(ses_[0-9a-z]{26})?\.([\w-]{1,700}))\.([\w-]{43})$/;

/** A browser on its way to the identity provider and back. */
export interface SignInAttempt {
  secret: string;
  startedAt: Date;
  /** Whether the person has to prove who they are again. */
  isFresh: boolean;
  /** The session that the new one replaces. The callback doesn't get its cookie, which is `Strict`. */
  replacedId: SessionId | null;
  /** A path below /console. */
  returnTo: string;
}

/** What ties the provider's answer to the attempt (RFC 6749, 10.12; OpenID Connect Core 1.0, 3.1.2.1; RFC 7636). */
export interface AttemptProofs {
  state: string;
  nonce: string;
  codeVerifier: string;
}

/**
 * Keeps attempts in a cookie under a MAC, so that nothing is stored for a browser that never comes back. State, nonce
 * and code verifier are derived from its secret with our key: the cookie doesn't reveal them.
 */
@Injectable()
export class SignInAttempts {
  constructor(
    private readonly hasher: KeyHasher,
    private readonly random: Random,
    private readonly clock: Clock,
  ) {}

  begin(attempt: Omit<SignInAttempt, 'secret' | 'startedAt'>): SignInAttempt {
    return { ...attempt, secret: this.random.bytes(SECRET_BYTES).toString('base64url'), startedAt: this.clock.now() };
  }

  proofsOf({ secret }: SignInAttempt): AttemptProofs {
    const derive = (purpose: string): string => this.mac(`${purpose} ${secret}`);
    return { state: derive('state'), nonce: derive('nonce'), codeVerifier: derive('code verifier') };
  }

  /** Returns `Set-Cookie` for an attempt. */
  serialize({ secret, startedAt, isFresh, replacedId, returnTo }: SignInAttempt): string {
    const path = Buffer.from(returnTo, 'utf8').toString('base64url');
    const text = [secret, startedAt.getTime().toString(36), isFresh ? 1 : 0, replacedId ?? '', path].join('.');
    return `${NAME}=${text}.${this.mac(`cookie ${text}`)}; Max-Age=${LIFETIME_SECONDS}; ${ATTRIBUTES}`;
  }

  /** Returns `Set-Cookie` that deletes the cookie: an attempt ends with its first response. */
  expire(): string {
    return `${NAME}=; Max-Age=0; ${ATTRIBUTES}`;
  }

  /** Returns the attempt of a `Cookie` header. Throws `OpenIdError` `attempt_missing` or `attempt_expired`. */
  read(cookie: string | undefined): SignInAttempt {
    const value = readCookies(cookie).find(([name]) => name === NAME)?.[1] ?? '';
    const [, text = '', secret = '', started = '', fresh = '', replaced = '', path = '', mac = ''] =
      FORM.exec(value) ?? [];
    if (mac === '' || !timingSafeEqual(Buffer.from(mac), Buffer.from(this.mac(`cookie ${text}`))))
      throw new OpenIdError('attempt_missing');
    const startedAt = new Date(Number.parseInt(started, 36));
    if (this.clock.now().getTime() - startedAt.getTime() > LIFETIME_SECONDS * 1_000)
      throw new OpenIdError('attempt_expired');
    return {
      secret,
      startedAt,
      isFresh: fresh === '1',
      replacedId: isId(replaced, 'ses') ? replaced : null,
      returnTo: Buffer.from(path, 'base64url').toString('utf8'),
    };
  }

  private mac(text: string): string {
    return this.hasher.blindIndex(`console sign-in ${text}`).toString('base64url');
  }
}
