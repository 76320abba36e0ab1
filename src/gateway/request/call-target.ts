import type { AppCredentials, MetaConfig } from '../../config/config.ts';
import type { GatewayGrant } from '../../leases/gateway-lease-verifier.ts';
import { computeAppsecretProof } from '../../meta/graph/appsecret-proof.ts';
import type { GraphHost } from '../../meta/graph/graph-host.ts';
import { mediaBaseUrl } from '../../meta/graph/meta-addresses.ts';
import type { MetaApps } from '../../meta/meta-apps.ts';
import { GatewayError } from '../gateway-error.ts';
import type { GatewayPath } from './gateway-path.ts';
import { isCredentialName, joinParameters, type Parameter } from './parameters.ts';

/** Where a call goes at Meta. */
export interface CallTarget {
  host: GraphHost;
  /** Base, version and path, without a query. */
  url: string;
  /** Its secret keys the `appsecret_proof`; null if none is sent. */
  proofApp: AppCredentials | null;
}

/**
 * Resolves the URL at Meta. The credential's kind determines the host, never the client's path. Throws
 * `path_not_allowed`.
 */
export async function resolveTarget(apps: MetaApps, grant: GatewayGrant, path: GatewayPath): Promise<CallTarget> {
  const app = (await apps.find(grant.appId, grant.appVersion)) ?? apps.primary;
  const host = app.hostOf(grant.kind);
  const base = baseOf(app.config, host, path);
  if (base === null) {
    throw new GatewayError('path_not_allowed', { detail: 'This host does not accept credentials of this kind.' });
  }
  const onGraph = path.route === 'graph' || path.route === 'video';
  const version = host.fixedVersion ?? path.version ?? host.version;
  const segments = onGraph ? [version, ...path.segments] : path.segments;
  // The root path and Meta's own upload and media URLs keep their form.
  const slash =
    path.segments.length === 0 ? path.version === null || path.trailingSlash : path.trailingSlash && !onGraph;
  return {
    host,
    url: `${base}/${segments.join('/')}${slash ? '/' : ''}`,
    proofApp: onGraph && host.isProofSupported ? host.app : null,
  };
}

function baseOf(meta: MetaConfig, host: GraphHost, path: GatewayPath): string | null {
  if (path.route === 'graph') return host.baseUrl;
  if (path.route === 'rupload') return host.hasUploadHost ? meta.ruploadUrl : null;
  if (!host.hasMediaHosts) return null;
  return path.route === 'video' ? meta.graphVideoUrl : mediaBaseUrl(meta);
}

/** Proofs by cached grant, garbage-collected with it. */
const PROOFS = new WeakMap<object, { app: AppCredentials; proof: string }>();

/**
 * Returns the proof for the grant's token; null if the target takes none, or the token's app is not configured: a wrong
 * proof fails.
 */
export function getProof({ proofApp }: CallTarget, grant: GatewayGrant): string | null {
  if (proofApp === null || proofApp.id !== grant.appId) return null;
  const { cacheKey } = grant;
  if (cacheKey === undefined) return computeAppsecretProof(grant.accessToken, proofApp.secret);
  const known = PROOFS.get(cacheKey);
  // A new secret comes as a new object.
  if (known?.app === proofApp) return known.proof;
  const proof = computeAppsecretProof(grant.accessToken, proofApp.secret);
  PROOFS.set(cacheKey, { app: proofApp, proof });
  return proof;
}

/** Builds the URL: the client's parameters without token, proofs and batch, plus our proof. Never contains a token. */
export function buildTargetUrl(target: CallTarget, query: readonly Parameter[], proof: string | null): string {
  const kept = joinParameters(query.filter(({ name }) => !isCredentialName(name) && name !== 'batch'));
  const search = proof === null ? kept : `${kept}${kept === '' ? '' : '&'}appsecret_proof=${proof}`;
  return search === '' ? target.url : `${target.url}?${search}`;
}
