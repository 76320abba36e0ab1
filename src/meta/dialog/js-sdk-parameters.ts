import type { MetaConfig } from '../../config/config.ts';
import type { Flow, Product } from '../../config/products.ts';
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
  /** Only where scopes were declined before: the dialog asks for them again (META.md 1). */
  auth_type?: 'rerequest';
  /** For Embedded Signup `{setup: {}}` (v4 of it, META.md 8), else empty. */
  extras: Readonly<Record<string, unknown>>;
}

/** Null for flows that Meta's JS SDK has no part in. `override_default_response_type`: the SDK gives tokens, not codes, without it. */
export function buildJsSdkParameters(
  meta: MetaConfig,
  product: Product,
  flow: Flow,
  scopes?: readonly string[],
  rerequest = false,
): JsSdkParameters | null {
  const { jsSdkExtras: extras } = loginFlow(flow);
  if (extras === null) return null;
  const configId = meta.loginConfigIds[product] ?? null;
  const requestedScopes = scopes !== undefined && scopes.length > 0 ? scopes : defaultScopes(product, flow);
  return {
    app_id: meta.app.id,
    version: meta.graphApiVersion,
    config_id: configId,
    scope: configId === null ? requestedScopes.join(',') : null,
    response_type: 'code',
    override_default_response_type: true,
    ...(rerequest ? { auth_type: 'rerequest' as const } : {}),
    extras,
  };
}
