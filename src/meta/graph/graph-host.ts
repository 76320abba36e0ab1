import type { AppCredentials, MetaConfig } from '../../config/config.ts';
import { SecretString } from '../../platform/secret-string.ts';
import type { CredentialKind } from '../tokens/credential-kind.ts';

/** Meta's API hosts; `instagram_api` is api.instagram.com, which only exchanges codes. */
export type GraphHostName = 'facebook' | 'instagram' | 'instagram_api' | 'threads';

export interface GraphHost {
  name: GraphHostName;
  /** Without a trailing slash. */
  baseUrl: string;
  /** `v25.0`; Threads has `v1.0` only (META.md 17). */
  version: string;
  /** Whose id and secret count there. */
  app: AppCredentials;
  /** Whether the host knows `appsecret_proof` (META.md 7, 11). */
  isProofSupported: boolean;
}

export const THREADS_VERSION = 'v1.0';

/** One host, with what is special about it. */
export function getGraphHost(meta: MetaConfig, name: GraphHostName): GraphHost {
  const version = meta.graphApiVersion;
  switch (name) {
    case 'facebook':
      return { name, baseUrl: meta.graphUrl, version, app: meta.app, isProofSupported: true };
    case 'instagram':
      return { name, baseUrl: meta.instagramGraphUrl, version, app: meta.instagramApp, isProofSupported: true };
    case 'instagram_api':
      return { name, baseUrl: meta.instagramApiUrl, version, app: meta.instagramApp, isProofSupported: false };
    case 'threads':
      return {
        name,
        baseUrl: meta.threadsGraphUrl,
        version: THREADS_VERSION,
        app: meta.threadsApp,
        isProofSupported: false,
      };
  }
}

/** The host where tokens of this kind work. */
export function hostNameOf(kind: CredentialKind | 'unknown'): 'facebook' | 'instagram' | 'threads' {
  return kind === 'instagram_user' ? 'instagram' : kind === 'threads_user' ? 'threads' : 'facebook';
}

/** `{app_id}|{app_secret}`, taken wherever an app token is (META.md 2); Threads writes `TH|…` before it (META.md 9). */
export function appToken(host: GraphHost): SecretString {
  const token = `${host.app.id}|${host.app.secret.expose()}`;
  return new SecretString(host.name === 'threads' ? `TH|${token}` : token);
}

/** Every app secret that may have signed a webhook or signed_request, without repeats (META.md 7, 15, 16). */
export function listSignatureSecrets(meta: MetaConfig): SecretString[] {
  const all = [meta.app.secret, meta.previousAppSecret, meta.instagramApp.secret, meta.threadsApp.secret];
  const seen = new Set<string>();
  return all.filter((secret): secret is SecretString => {
    if (secret === null || seen.has(secret.expose())) return false;
    seen.add(secret.expose());
    return true;
  });
}

/** The app ids that debug_token may name for tokens of ours. Which of the two Threads names is not confirmed (META.md 9). */
export function listOwnAppIds(meta: MetaConfig, name: 'facebook' | 'threads'): string[] {
  return name === 'facebook' ? [meta.app.id] : [meta.threadsApp.id, meta.app.id];
}
