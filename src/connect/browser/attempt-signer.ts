import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { isId } from '../../platform/ids.ts';
import type { OpenedAttempt } from '../connect-session.ts';
import { ConnectSecrets } from '../sessions/connect-secrets.ts';

/** A hash in base64url, an id, two times in milliseconds in base 36, a MAC in base64url. */
const FORM = /^(([\w-]{43})\.(cns_[0-9a-z]{26})\.([0-9a-z]{1,9})\.([0-9a-z]{1,9}))\.([\w-]{43})$/;

/**
 * Puts all that an attempt is into the value of its cookie, under a MAC. So a browser proves its attempt by itself, whatever has become of
 * the attempt's row: there may be none.
 */
@Injectable()
export class AttemptSigner {
  constructor(private readonly secrets: ConnectSecrets) {}

  /** An attempt as it was opened, with its cookie's value: always the same for the same attempt. */
  sign(opened: Omit<OpenedAttempt, 'cookieHash'>): { value: string; attempt: OpenedAttempt } {
    const { stateHash, sessionId, openedAt, expiresAt } = opened;
    const times = [openedAt, expiresAt].map((time) => time.getTime().toString(36));
    const text = [stateHash.toString('base64url'), sessionId, ...times].join('.');
    const value = `${text}.${this.mac(text)}`;
    return { value, attempt: { stateHash, sessionId, openedAt, expiresAt, cookieHash: this.secrets.hash(value) } };
  }

  /** The attempt of a cookie's value, whether or not it has expired; null where we did not sign it. */
  verify(value: string): OpenedAttempt | null {
    const [, text = '', stateHash = '', sessionId = '', openedAt = '', expiresAt = '', mac = ''] =
      FORM.exec(value) ?? [];
    if (!isId(sessionId, 'cns') || !timingSafeEqual(Buffer.from(mac), Buffer.from(this.mac(text)))) return null;
    return {
      stateHash: Buffer.from(stateHash, 'base64url'),
      sessionId,
      openedAt: new Date(Number.parseInt(openedAt, 36)),
      expiresAt: new Date(Number.parseInt(expiresAt, 36)),
      cookieHash: this.secrets.hash(value),
    };
  }

  private mac(text: string): string {
    return this.secrets.mac('connect attempt', text).toString('base64url');
  }
}
