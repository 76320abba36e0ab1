import { createHmac } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { metaJson } from '../http/meta-response.ts';
import type { AppRecord } from './records.ts';

export interface CallbackResult {
  /** Null: no response. */
  status: number | null;
  body: string;
}

const TIMEOUT_MS = 10_000;
const MAX_BODY_CHARACTERS = 64 * 1024;

/** `base64url(sig).base64url(json)`, unpadded (docs/meta-facts.md#signed-requests). */
export function signedRequest(secret: string, payload: Record<string, unknown>): string {
  const encoded = Buffer.from(JSON.stringify(payload)).toString('base64url');
  return `${createHmac('sha256', secret).update(encoded).digest('base64url')}.${encoded}`;
}

/** `sha256=<hex>` of the bytes as sent (docs/meta-facts.md#webhooks-of-meta). */
export function hubSignature(secret: string, body: string, algorithm: 'sha256' | 'sha1' = 'sha256'): string {
  return `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`;
}

/** Sends what Meta sends: webhooks, deauthorize and data-deletion callbacks, handshakes. */
export class CallbackSender {
  private readonly pending = new Set<Promise<unknown>>();

  constructor(
    private readonly now: () => number,
    private readonly randomFraction: () => number,
  ) {}

  webhook(url: string, payload: Record<string, unknown>, secret: string): Promise<CallbackResult> {
    const body = metaJson(payload, true);
    return send(
      'POST',
      url,
      {
        'Content-Type': 'application/json',
        'X-Hub-Signature': hubSignature(secret, body, 'sha1'),
        'X-Hub-Signature-256': hubSignature(secret, body),
      },
      body,
    );
  }

  signedRequest(
    kind: 'deauthorize' | 'data_deletion',
    url: string,
    userId: string,
    secret: string,
    issuedAtMs?: number,
  ): Promise<CallbackResult> {
    const issued = Math.floor((issuedAtMs ?? this.now()) / 1000);
    const payload =
      kind === 'deauthorize'
        ? { user_id: userId, algorithm: 'HMAC-SHA256', issued_at: issued }
        : { algorithm: 'HMAC-SHA256', expires: issued + 5000, issued_at: issued, user_id: userId };
    const body = new URLSearchParams({ signed_request: signedRequest(secret, payload) }).toString();
    return send('POST', url, { 'Content-Type': 'application/x-www-form-urlencoded' }, body);
  }

  /**
   * Sends the callbacks of a removed grant: deauthorize and, if subscribed, `permissions`
   * (docs/meta-facts.md#signed-requests).
   */
  sendRemovalCallbacks(app: AppRecord, userId: string): void {
    if (app.deauthorizeUrl !== null)
      this.inBackground(this.signedRequest('deauthorize', app.deauthorizeUrl, userId, app.secret));
    const subscription = app.subscriptions.permissions;
    if (subscription === undefined) return;
    const time = Math.floor(this.now() / 1000);
    const entry = [{ id: userId, uid: userId, time, changes: [{ field: 'connected', verb: 'revoked' }] }];
    this.inBackground(this.webhook(subscription.callbackUrl, { object: 'permissions', entry }, app.secret));
  }

  /** Runs the handshake. True if the body is exactly the challenge (docs/meta-facts.md#webhooks-of-meta). */
  async handshake(url: string, verifyToken: string): Promise<boolean> {
    const challenge = String(1_000_000_000 + Math.floor(this.randomFraction() * 999_999_999));
    const target = new URL(url);
    target.searchParams.set('hub.mode', 'subscribe');
    target.searchParams.set('hub.challenge', challenge);
    target.searchParams.set('hub.verify_token', verifyToken);
    const result = await send('GET', target.href, {}, '');
    return result.status === 200 && result.body.trim() === challenge;
  }

  /** Waits for callbacks sent in the background. */
  async waitForPending(): Promise<void> {
    await Promise.allSettled([...this.pending]);
  }

  /** Sends without waiting. `waitForPending` waits for it. */
  inBackground(work: Promise<unknown>): void {
    this.pending.add(work);
    void work.finally(() => this.pending.delete(work));
  }
}

/** Makes one call. Failures return no status; it never throws. */
function send(method: string, url: string, headers: Record<string, string>, body: string): Promise<CallbackResult> {
  return new Promise((resolve) => {
    const start = url.startsWith('https:') ? httpsRequest : httpRequest;
    const outgoing = start(url, {
      method,
      headers: {
        ...headers,
        'Content-Length': Buffer.byteLength(body),
        'User-Agent': 'facebookplatform/1.0 (+http://developers.facebook.com)',
      },
      timeout: TIMEOUT_MS,
    });
    outgoing.on('response', (response) =>
      collect(response).then((text) => resolve({ status: response.statusCode ?? null, body: text })),
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.on('error', (error) => resolve({ status: null, body: error.message }));
    outgoing.end(body);
  });
}

async function collect(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response)
      if (text.length < MAX_BODY_CHARACTERS) text += (chunk as Buffer).toString('utf8');
  } catch {
    // A truncated response is judged by what arrived.
  }
  return text;
}
