import type { AppKind, AppRecord, LoginConfiguration, Principal, PrincipalKind } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { DialogError } from './dialog-error.ts';
import { parseSignup, type SignupRequest } from './signup-request.ts';

/** A validated dialog request (docs/meta-facts.md#oauth-dialog). */
export interface DialogRequest {
  product: AppKind;
  app: AppRecord;
  /** Null: opened by the fake JS SDK, which returns the code by message. */
  redirectUri: string | null;
  state: string | null;
  responseType: string;
  configuration: LoginConfiguration | null;
  /** Null: an ordinary login. */
  signup: SignupRequest | null;
  /** Scopes to ask the user for. */
  requestedScopes: string[];
  rerequest: boolean;
  returnScopes: boolean;
  /** The whole query, for the form to post back to. */
  query: URLSearchParams;
  sdkOrigin: string | null;
}

const kindOf: Record<AppKind, PrincipalKind> = {
  facebook: 'user',
  instagram: 'instagram_user',
  threads: 'threads_user',
};

/** Each product has its own apps and refuses other ids (docs/meta-facts.md#instagram-and-threads-apps). */
const unknownApp: Record<AppKind, string> = {
  facebook: 'App not active: This app is not currently accessible or the app ID is invalid.',
  instagram: 'Invalid platform app',
  threads: 'An unknown error has occurred. (error_code 4476002)',
};

export function parseDialog(state: SandboxState, product: AppKind, query: URLSearchParams): DialogRequest {
  const app = state.store.apps.get(query.get('client_id') ?? '');
  if (app === undefined || app.kind !== product) throw new DialogError(unknownApp[product]);
  const sdkOrigin = product === 'facebook' ? query.get('sandbox_sdk_origin') : null;
  const redirectUri = sdkOrigin === null ? checkRedirect(app, query.get('redirect_uri')) : null;
  const configuration = configurationOf(app, query.get('config_id'));
  const signup = product === 'facebook' ? parseSignup(query, configuration) : null;
  const responseType = query.get('response_type') ?? 'code';
  if (
    configuration?.tokenType === 'system_user' &&
    (responseType !== 'code' || query.get('override_default_response_type') !== 'true')
  ) {
    throw new DialogError('This configuration needs response_type=code with override_default_response_type=true.');
  }
  return {
    product,
    app,
    redirectUri,
    state: query.get('state'),
    responseType,
    configuration,
    signup,
    requestedScopes: configuration?.scopes ?? scopesOf(product, query.get('scope') ?? ''),
    rerequest: query.get('auth_type') === 'rerequest',
    returnScopes: query.get('return_scopes') === 'true' || responseType.includes('granted_scopes'),
    query,
    sdkOrigin,
  };
}

/** Strict mode: exact match of a list entry, query included (docs/meta-facts.md#oauth-dialog). */
function checkRedirect(app: AppRecord, redirectUri: string | null): string {
  if (redirectUri === null || !/^https?:\/\//.test(redirectUri) || !URL.canParse(redirectUri))
    throw new DialogError('The parameter redirect_uri is required');
  if (app.redirectUris !== null && !app.redirectUris.includes(redirectUri)) {
    throw new DialogError(
      'URL Blocked: This redirect failed because the redirect URI is not whitelisted in the ' +
        "app's Client OAuth Settings.",
    );
  }
  return redirectUri;
}

function configurationOf(app: AppRecord, id: string | null): LoginConfiguration | null {
  if (id === null) return null;
  const configuration = app.configurations[id];
  if (configuration === undefined) throw new DialogError('It looks like this app is not available: unknown config_id.');
  return configuration;
}

function scopesOf(product: AppKind, text: string): string[] {
  const separator = product === 'threads' ? /,/ : /[,\s]+/;
  const scopes = text.split(separator).filter((scope) => scope !== '');
  const bad = scopes.filter(
    (scope) =>
      !/^[a-z_0-9]+$/.test(scope) ||
      (product === 'instagram' && !scope.startsWith('instagram_business_')) ||
      (product === 'threads' && !scope.startsWith('threads_')),
  );
  if (bad.length > 0)
    throw new DialogError(`Invalid Scopes: ${bad.join(', ')}. This message is only shown to developers.`);
  const basic = product === 'instagram' ? 'instagram_business_basic' : product === 'threads' ? 'threads_basic' : null;
  if (basic !== null && !scopes.includes(basic)) throw new DialogError(`Invalid Scopes: ${basic} is required.`);
  return product === 'facebook' ? [...new Set(['public_profile', ...scopes])] : [...new Set(scopes)];
}

/** Returns the users to choose from, at most 50. */
export function usersFor(state: SandboxState, product: AppKind): Principal[] {
  const users: Principal[] = [];
  for (const principal of state.store.principals.values()) {
    if (principal.kind === kindOf[product]) users.push(principal);
    if (users.length === 50) break;
  }
  return users;
}

export function userFor(state: SandboxState, request: DialogRequest, id: string | undefined): Principal {
  const user = id === undefined || id === '' ? usersFor(state, request.product)[0] : state.store.principals.get(id);
  if (user === undefined || user.kind !== kindOf[request.product]) throw new DialogError('Please log in to continue.');
  // An app in development is only open to users with a role on it.
  if (!request.app.live && !user.developerOf.includes(request.app.id))
    throw new DialogError('Insufficient Developer Role');
  return user;
}

/** Declined scopes are offered again only with `auth_type=rerequest` (docs/meta-facts.md#oauth-dialog). */
export function offeredScopes(request: DialogRequest, user: Principal): string[] {
  const declined = user.grants[request.app.id]?.declined ?? [];
  if (request.configuration !== null || request.rerequest) return request.requestedScopes;
  return request.requestedScopes.filter((scope) => !declined.includes(scope));
}
