import { createHmac } from 'node:crypto';
import type { SecretString } from '../../platform/secret-string.ts';

/** `appsecret_proof`: hex HMAC-SHA256 of the token under the app's secret (META.md 11). Belongs to this one token. */
export function computeAppsecretProof(accessToken: SecretString, appSecret: SecretString): string {
  return createHmac('sha256', appSecret.expose()).update(accessToken.expose()).digest('hex');
}

/** The form that dies after five minutes: to be sent with `appsecret_time` (META.md 11). */
export function computeTimedAppsecretProof(
  accessToken: SecretString,
  appSecret: SecretString,
  now: Date,
): { proof: string; time: number } {
  const time = Math.floor(now.getTime() / 1000);
  const message = `${accessToken.expose()}|${time}`;
  return { proof: createHmac('sha256', appSecret.expose()).update(message).digest('hex'), time };
}
