import type { MetaApp } from '../../meta/meta-apps.ts';
import { parseSignedRequest, type SignedRequest } from '../../meta/webhooks/signed-request.ts';

/** Whose users a signed_request is about. */
export interface SigningApps {
  /** The apps whose secret signed it. */
  appIds: string[];
  /** Where those know no such user: the Meta app may sign for the Instagram and Threads apps inside it (META.md 16, 20.12). */
  fallbackAppIds: string[];
}

type VerifiedRequest = { ok: true; request: SignedRequest; apps: SigningApps } | { ok: false };

/** Verifies a signed_request with every secret of our apps; the secret that fits identifies the app. */
export function verifySignedRequest(text: string, apps: readonly MetaApp[]): VerifiedRequest {
  let request: SignedRequest | null = null;
  const appIds = new Set<string>();
  for (const { appId, secret } of apps.flatMap(({ signers }) => signers)) {
    const parsed = parseSignedRequest(text, [secret]);
    if (!parsed.ok) continue;
    request = parsed.request;
    appIds.add(appId);
  }
  if (request === null) return { ok: false };
  const inside = apps.filter(({ id }) => appIds.has(id)).flatMap(({ innerAppIds }) => innerAppIds);
  const fallbackAppIds = [...new Set(inside)].filter((appId) => !appIds.has(appId));
  return { ok: true, request, apps: { appIds: [...appIds], fallbackAppIds } };
}
