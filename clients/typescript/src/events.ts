import { Webhook } from 'standardwebhooks';
import type { webhooks } from './schema.ts';

type PayloadOf<W> = W extends { post: { requestBody: { content: { 'application/json': infer P } } } } ? P : never;

/** Every event of the API document; `type` tells them apart. `id` is the same in every repeat. */
export type MetavaultEvent = { [T in keyof webhooks]: { id: string } & PayloadOf<webhooks[T]> }[keyof webhooks];

/** Request headers, as Node or fetch provides them. */
export type EventHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export class EventVerificationError extends Error {
  override readonly name = 'EventVerificationError';
}

export interface EventVerifierOptions {
  /** For integers beyond 2^53 in `meta.webhook`: a parser that keeps them exact, such as lossless-json's. */
  parse?: ((text: string) => unknown) | undefined;
}

/** Checks deliveries by the Standard Webhooks rules: signed, and no more than five minutes old. */
export class EventVerifier {
  readonly #webhooks: readonly Webhook[];
  readonly #parse: (text: string) => unknown;

  /** Takes the secret of a subscription, or several during a rotation. Throws `TypeError` if one is malformed. */
  constructor(secrets: string | readonly string[], options: EventVerifierOptions = {}) {
    this.#webhooks = [secrets].flat().map(openSecret);
    if (this.#webhooks.length === 0) throw new TypeError('Give at least one secret of the subscription.');
    this.#parse = options.parse ?? JSON.parse;
  }

  /** Returns the event in a raw body: the bytes as received, not yet parsed. Throws `EventVerificationError`. */
  verify(body: string | Uint8Array, headers: EventHeaders): MetavaultEvent {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
    const signed = readSignature(headers);
    if (!this.#webhooks.some((webhook) => isSigned(webhook, text, signed))) {
      throw new EventVerificationError('The signature is missing, wrong, or too old: answer 401.');
    }
    return { id: signed['webhook-id'], ...(this.#parse(text) as object) } as MetavaultEvent;
  }
}

interface SignatureHeaders {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

function openSecret(secret: string): Webhook {
  try {
    return new Webhook(secret.trim());
  } catch {
    throw new TypeError('A secret of a subscription is whsec_ and base64.');
  }
}

function isSigned(webhook: Webhook, text: string, headers: SignatureHeaders): boolean {
  try {
    webhook.verify(text, { ...headers }, { jsonParse: false });
    return true;
  } catch {
    return false;
  }
}

function readSignature(headers: EventHeaders): SignatureHeaders {
  const read = (name: string): string =>
    headers instanceof Headers ? (headers.get(name) ?? '') : String(headers[name] ?? '');
  return {
    'webhook-id': read('webhook-id'),
    'webhook-timestamp': read('webhook-timestamp'),
    'webhook-signature': read('webhook-signature'),
  };
}
