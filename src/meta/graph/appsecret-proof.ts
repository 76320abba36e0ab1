import { createHmac } from 'node:crypto';
import type { SecretString } from '../../platform/secret-string.ts';

/** Computes `appsecret_proof`, lowercase hex, valid for this token only (docs/meta-facts.md#app-secret-proof). */
export function computeAppsecretProof(accessToken: SecretString, appSecret: SecretString): string {
  return createHmac('sha256', appSecret.expose()).update(accessToken.expose()).digest('hex');
}
