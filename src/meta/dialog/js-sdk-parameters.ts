import type { MetaConfig } from '../../config/config.ts';
import type { Flow, Product } from '../../config/products.ts';
import { buildSignupExtras, type SignupFeatures } from './embedded-signup.ts';
import { loginFlow } from './login-flows.ts';
import { defaultScopes } from './product-scopes.ts';

/** Parameters for `FB.init` and `FB.login`, so that front ends hard-code nothing (docs/api.md#connecting). */
export interface JsSdkParameters {
  app_id: string;
  version: string;
  config_id: string | null;
  /** Comma-separated; null if `config_id` decides. */
  scope: string | null;
  response_type: 'code';
  override_default_response_type: true;
  /** Set after an earlier answer, to ask again for declined scopes and the choice of Pages. */
  auth_type?: 'rerequest';
  /** Features of Embedded Signup chosen by the session, else empty. */
  extras: Readonly<Record<string, unknown>>;
}

/** The part of a session that decides what the front end requests. */
interface JsSdkRequest extends SignupFeatures {
  product: Product;
  flow: Flow;
  /** Empty: the product's own. Ignored if a login configuration decides. */
  scopes: readonly string[];
}

/**
 * Returns null for flows that Meta's JS SDK cannot run. Without `override_default_response_type` the SDK returns a
 * token instead of a code.
 */
export function buildJsSdkParameters(
  meta: MetaConfig,
  { product, flow, scopes, ...signup }: JsSdkRequest,
  rerequest = false,
): JsSdkParameters | null {
  if (!loginFlow(flow).hasJsSdk) return null;
  const configId = meta.loginConfigIds[product] ?? null;
  const requestedScopes = scopes.length > 0 ? scopes : defaultScopes(product, flow);
  return {
    app_id: meta.app.id,
    version: meta.graphApiVersion,
    config_id: configId,
    scope: configId === null ? requestedScopes.join(',') : null,
    response_type: 'code',
    override_default_response_type: true,
    ...(rerequest ? { auth_type: 'rerequest' as const } : {}),
    extras: buildSignupExtras(signup),
  };
}
