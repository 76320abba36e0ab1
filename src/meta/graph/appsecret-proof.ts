import { createHmac } from 'node:crypto';
import type { SecretString } from '../../platform/secret-string.ts';

/** `appsecret_proof`: hex HMAC-SHA256 of the token under the app's secret (META.md 11). Belongs to this one token. */
export function computeAppsecretProof(accessToken: SecretString, appSecret: SecretString): string {
  return createHmac('sha256', appSecret.expose()).update(accessToken.expose()).digest('hex');
}
