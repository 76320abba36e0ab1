import type { MetaConfig } from '../../config/config.ts';
import { parseSignedRequest, type SignedRequest } from '../../meta/webhooks/signed-request.ts';
import type { SecretString } from '../../platform/secret-string.ts';

/** Whose users a signed_request speaks of. */
export interface SigningApps {
  /** The apps whose secret signed it. */
  appIds: string[];
  /** Where those know no such user: the Meta app may sign for the Instagram and Threads apps inside it (META.md 16, 20.12). */
  fallbackAppIds: string[];
}

export type VerifiedRequest = { ok: true; request: SignedRequest; apps: SigningApps } | { ok: false };

/** Verifies a signed_request with every secret that is configured; the secret that fits tells the app. */
export function verifySignedRequest(text: string, meta: MetaConfig): VerifiedRequest {
  let request: SignedRequest | null = null;
  const appIds = new Set<string>();
  for (const { appId, secret } of signers(meta)) {
    const parsed = parseSignedRequest(text, [secret]);
    if (!parsed.ok) continue;
    request = parsed.request;
    appIds.add(appId);
  }
  if (request === null) return { ok: false };
  const inside = appIds.has(meta.app.id) ? [meta.instagramApp.id, meta.threadsApp.id] : [];
  const fallbackAppIds = [...new Set(inside)].filter((appId) => !appIds.has(appId));
  return { ok: true, request, apps: { appIds: [...appIds], fallbackAppIds } };
}

function signers(meta: MetaConfig): { appId: string; secret: SecretString }[] {
  const previous = meta.previousAppSecret === null ? [] : [{ appId: meta.app.id, secret: meta.previousAppSecret }];
  const apps = [meta.app, meta.instagramApp, meta.threadsApp].map(({ id, secret }) => ({ appId: id, secret }));
  return [...previous, ...apps];
}
