import { createHmac } from 'node:crypto';
import type { Random } from '../../platform/random.ts';
import { SecretString } from '../../platform/secret-string.ts';
import type { DeliveredEventType } from '../outbox/event-type.ts';

/** Message id, timestamp, and signature: https://github.com/standard-webhooks/standard-webhooks */
export interface WebhookMessage {
  /** The event's id, the same in every retry so that receivers can recognize duplicates. */
  id: string;
  type: DeliveredEventType;
  /** When the event happened. */
  at: Date;
  /** JSON text. */
  data: string;
}

const SECRET_PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** Generates a signing secret: `whsec_` and 32 bytes in base64. */
export function generateSigningSecret(random: Random): SecretString {
  return new SecretString(SECRET_PREFIX + random.bytes(SECRET_BYTES).toString('base64'));
}

/** Builds `{type, timestamp, data}` with the data's text verbatim. */
export function buildWebhookBody(message: WebhookMessage): string {
  return `{"type":${JSON.stringify(message.type)},"timestamp":"${message.at.toISOString()}","data":${message.data}}`;
}

/** Builds the headers of one attempt, signed with each secret (two during a rotation). `now`: time of the attempt. */
export function buildWebhookHeaders(
  id: string,
  body: string,
  secrets: readonly SecretString[],
  now: Date,
): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  return {
    'content-type': 'application/json',
    'user-agent': 'Metavault-Webhooks/1',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => sign(`${id}.${timestamp}.${body}`, secret)).join(' '),
  };
}

function sign(content: string, secret: SecretString): string {
  const key = Buffer.from(secret.expose().slice(SECRET_PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(content, 'utf8').digest('base64');
  key.fill(0);
  return `v1,${signature}`;
}
