import type { MetaApp } from '../../meta/meta-apps.ts';
import { parseSignedRequest, type SignedRequest } from '../../meta/webhooks/signed-request.ts';

/** The apps whose user a signed_request is about. */
export interface SigningApps {
  /** Apps whose secret signed it. */
  appIds: string[];
  /**
   * Used if those know no such user: the Meta app may sign for its Instagram and Threads apps
   * (docs/meta-facts.md#form-and-key).
   */
  fallbackAppIds: string[];
}

type VerifiedRequest = { ok: true; request: SignedRequest; apps: SigningApps } | { ok: false };

/**
 * Verifies a signed_request with the secrets of an app and its inner apps. The matching secret shows which app signed.
 */
export function verifySignedRequest(text: string, app: MetaApp): VerifiedRequest {
  let request: SignedRequest | null = null;
  const appIds = new Set<string>();
  for (const { appId, secret } of app.signers) {
    const parsed = parseSignedRequest(text, [secret]);
    if (!parsed.ok) continue;
    request = parsed.request;
    appIds.add(appId);
  }
  if (request === null) return { ok: false };
  const inside = appIds.has(app.id) ? app.innerAppIds : [];
  const fallbackAppIds = inside.filter((appId) => !appIds.has(appId));
  return { ok: true, request, apps: { appIds: [...appIds], fallbackAppIds } };
}
