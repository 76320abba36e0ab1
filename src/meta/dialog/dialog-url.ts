import type { MetaConfig } from '../../config/config.ts';
import type { DialogFlow, Product } from '../../config/products.ts';
import { requireApp } from '../graph/app-credentials.ts';
import { resolveGraphHost, type TokenHostName } from '../graph/graph-host.ts';
import { buildSignupExtras, type SignupFeatures } from './embedded-signup.ts';
import { loginFlow } from './login-flows.ts';
import { defaultScopes } from './product-scopes.ts';

interface DialogRequest extends Partial<SignupFeatures> {
  product: Product;
  flow: DialogFlow;
  redirectUri: string;
  state: string;
  /** Replaces the product's scopes. Ignored if a login configuration decides. */
  scopes?: readonly string[];
  /** Ask again for declined scopes and earlier choices (`auth_type=rerequest`). */
  rerequest?: boolean;
}

type DialogUrlBuilder = (meta: MetaConfig, request: DialogRequest) => string;

const DIALOGS: Readonly<Record<TokenHostName, DialogUrlBuilder>> = {
  facebook: buildFacebookUrl,
  instagram: buildInstagramUrl,
  threads: buildThreadsUrl,
};

/**
 * Builds the dialog's URL. It contains the state but no secret. Throws `MetaError` if the login's app is not
 * configured.
 */
export function buildDialogUrl(meta: MetaConfig, request: DialogRequest): string {
  const { dialog } = loginFlow(request.flow);
  if (dialog === null) throw new Error(`The flow ${request.flow} has no dialog.`);
  return DIALOGS[dialog](meta, request);
}

function buildFacebookUrl(meta: MetaConfig, request: DialogRequest): string {
  const configId = meta.loginConfigIds[request.product];
  const extras = buildSignupExtras(request);
  return buildUrl(`${meta.dialogUrl}/${meta.graphApiVersion}/dialog/oauth`, {
    client_id: meta.app.id,
    redirect_uri: request.redirectUri,
    state: request.state,
    response_type: 'code',
    ...(configId === undefined
      ? { scope: scopes(request) }
      : { config_id: configId, override_default_response_type: 'true' }),
    ...(Object.keys(extras).length === 0 ? {} : { extras: JSON.stringify(extras) }),
    ...(request.rerequest === true ? { auth_type: 'rerequest' } : {}),
  });
}

function buildInstagramUrl(meta: MetaConfig, request: DialogRequest): string {
  return buildUrl(`${meta.instagramDialogUrl}/oauth/authorize`, {
    client_id: clientId(meta, 'instagram'),
    redirect_uri: request.redirectUri,
    response_type: 'code',
    scope: scopes(request),
    state: request.state,
  });
}

/** Threads accepts only commas between scopes (docs/meta-facts.md#threads). */
function buildThreadsUrl(meta: MetaConfig, request: DialogRequest): string {
  return buildUrl(`${meta.threadsDialogUrl}/oauth/authorize`, {
    client_id: clientId(meta, 'threads'),
    redirect_uri: request.redirectUri,
    scope: scopes(request),
    response_type: 'code',
    state: request.state,
  });
}

/** Throws `MetaError` if no app is configured for this login. */
function clientId(meta: MetaConfig, host: TokenHostName): string {
  return requireApp(resolveGraphHost(meta, host), 'open_dialog').id;
}

function scopes(request: DialogRequest): string {
  const requestedScopes = request.scopes ?? [];
  return (requestedScopes.length > 0 ? requestedScopes : defaultScopes(request.product, request.flow)).join(',');
}

function buildUrl(base: string, parameters: Record<string, string>): string {
  return `${base}?${new URLSearchParams(parameters).toString()}`;
}
