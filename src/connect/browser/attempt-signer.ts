import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { isId } from '../../platform/ids.ts';
import type { OpenedAttempt } from '../connect-session.ts';
import { ConnectSecrets } from '../sessions/connect-secrets.ts';

/** Base64url hash, id, two times in base-36 milliseconds, `popup` in a pop-up, base64url MAC. */
const FORM = /^(([\w-]{43})\.(cns_[0-9a-z]{26})\.([0-9a-z]{1,9})\.([0-9a-z]{1,9})(\.popup)?)\.([\w-]{43})$/;

/**
 * Encodes an attempt in its cookie's value, under a MAC. The browser then proves the attempt without a row, as there
 * may be none.
 */
@Injectable()
export class AttemptSigner {
  constructor(private readonly secrets: ConnectSecrets) {}

  /** Returns the attempt with its cookie's value, which depends only on the attempt. */
  sign(opened: Omit<OpenedAttempt, 'cookieHash'>): { value: string; attempt: OpenedAttempt } {
    const { stateHash, sessionId, openedAt, expiresAt, inPopup } = opened;
    const times = [openedAt, expiresAt].map((time) => time.getTime().toString(36));
    const text = [stateHash.toString('base64url'), sessionId, ...times, ...(inPopup ? ['popup'] : [])].join('.');
    const value = `${text}.${this.mac(text)}`;
    const cookieHash = this.secrets.hash(value);
    return { value, attempt: { stateHash, sessionId, openedAt, expiresAt, inPopup, cookieHash } };
  }

  /** Returns the attempt of a cookie's value, expired or not; null if we didn't sign it. */
  verify(value: string): OpenedAttempt | null {
    const [, text = '', stateHash = '', sessionId = '', openedAt = '', expiresAt = '', popup, mac = ''] =
      FORM.exec(value) ?? [];
    if (!isId(sessionId, 'cns') || !timingSafeEqual(Buffer.from(mac), Buffer.from(this.mac(text)))) return null;
    return {
      stateHash: Buffer.from(stateHash, 'base64url'),
      sessionId,
      openedAt: new Date(Number.parseInt(openedAt, 36)),
      expiresAt: new Date(Number.parseInt(expiresAt, 36)),
      inPopup: popup !== undefined,
      cookieHash: this.secrets.hash(value),
    };
  }

  private mac(text: string): string {
    return this.secrets.mac('connect attempt', text).toString('base64url');
  }
}
