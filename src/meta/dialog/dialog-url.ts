import type { MetaConfig, Product } from '../../config/config.ts';
import { type DialogFlow, defaultScopes } from './product-scopes.ts';

export interface DialogRequest {
  product: Product;
  /** `embedded_signup` is shown by Meta's JS SDK; asked for here, it gets facebook.com's dialog. */
  flow: DialogFlow;
  redirectUri: string;
  state: string;
  /** Replaces the product's scopes; has no effect where a configuration id decides (META.md 1). */
  scopes?: readonly string[];
  /** Ask again for what the person declined before (`auth_type=rerequest`). */
  rerequest?: boolean;
}

/** Where the browser goes to ask the person (META.md 1, 7, 9). Holds the state, but no secret of ours. */
export function buildDialogUrl(meta: MetaConfig, request: DialogRequest): string {
  switch (request.flow) {
    case 'instagram_login':
      return instagramDialog(meta, request);
    case 'threads_login':
      return threadsDialog(meta, request);
    case 'facebook_login':
    case 'embedded_signup':
      return facebookDialog(meta, request);
  }
}

function facebookDialog(meta: MetaConfig, request: DialogRequest): string {
  const configId = meta.loginConfigIds[request.product];
  return buildUrl(`${meta.dialogUrl}/${meta.graphApiVersion}/dialog/oauth`, {
    client_id: meta.app.id,
    redirect_uri: request.redirectUri,
    state: request.state,
    response_type: 'code',
    ...(configId === undefined
      ? { scope: scopes(request) }
      : { config_id: configId, override_default_response_type: 'true' }),
    ...(request.rerequest === true ? { auth_type: 'rerequest' } : {}),
  });
}

function instagramDialog(meta: MetaConfig, request: DialogRequest): string {
  return buildUrl(`${meta.instagramDialogUrl}/oauth/authorize`, {
    client_id: meta.instagramApp.id,
    redirect_uri: request.redirectUri,
    response_type: 'code',
    scope: scopes(request),
    state: request.state,
  });
}

/** Threads takes commas only between scopes (META.md 9). */
function threadsDialog(meta: MetaConfig, request: DialogRequest): string {
  return buildUrl(`${meta.threadsDialogUrl}/oauth/authorize`, {
    client_id: meta.threadsApp.id,
    redirect_uri: request.redirectUri,
    scope: scopes(request),
    response_type: 'code',
    state: request.state,
  });
}

function scopes(request: DialogRequest): string {
  const requestedScopes = request.scopes ?? [];
  return (requestedScopes.length > 0 ? requestedScopes : defaultScopes(request.product, request.flow)).join(',');
}

function buildUrl(base: string, parameters: Record<string, string>): string {
  return `${base}?${new URLSearchParams(parameters).toString()}`;
}
