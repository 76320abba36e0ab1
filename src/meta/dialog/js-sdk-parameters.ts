import type { MetaConfig } from '../../config/config.ts';
import type { Flow, Product } from '../../config/products.ts';
import { buildSignupExtras, type SignupFeatures } from './embedded-signup.ts';
import { loginFlow } from './login-flows.ts';
import { defaultScopes } from './product-scopes.ts';

/** What a front end gives to `FB.init` and `FB.login`, so that it hard-codes nothing (CONTRACT 4, META.md 8). */
export interface JsSdkParameters {
  app_id: string;
  version: string;
  config_id: string | null;
  /** Comma list; null where `config_id` decides. */
  scope: string | null;
  response_type: 'code';
  override_default_response_type: true;
  /** Only where it was answered before: the dialog asks again for declined scopes and the choice of Pages (META.md 1). */
  auth_type?: 'rerequest';
  /** The features of Embedded Signup that the session chose, else empty. */
  extras: Readonly<Record<string, unknown>>;
}

/** What a session's front end asks Meta for. */
interface JsSdkRequest extends SignupFeatures {
  product: Product;
  flow: Flow;
  /** Empty: the product's own. No effect where a configuration id decides. */
  scopes: readonly string[];
}

/** Null for flows that Meta's JS SDK has no part in. `override_default_response_type`: the SDK gives tokens, not codes, without it. */
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
