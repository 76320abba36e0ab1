import type { GraphCall } from '../http/graph-call.ts';
import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { AppRecord, CodeRecord, Principal } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { authenticate, checkProof, managesSystemUser, opaqueAppToken, requireLivingToken } from './graph-caller.ts';
import { dropScopeIfScripted, principalFor } from './scripted-grants.ts';
import type { TokenView } from './token-issuer.ts';

export const SIXTY_DAYS_SECONDS = 5_184_000;
const DAY_MS = 86_400_000;
export const REDIRECT_URI_MISMATCH =
  'Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the ' +
  'OAuth dialog request';

/** graph.facebook.com's `oauth/access_token` with every grant type (docs/meta-facts.md#code-exchange). */
export function accessTokenEndpoint(state: SandboxState, call: GraphCall): MetaResponse {
  const app = authenticateClient(state, call);
  const grantType = call.params.get('grant_type') ?? 'authorization_code';
  if (grantType === 'client_credentials')
    return ok({ access_token: `${app.id}|${opaqueAppToken(app)}`, token_type: 'bearer' });
  if (grantType === 'fb_exchange_token') return exchangeToken(state, call, app);
  if (grantType !== 'authorization_code') throw oauthError(100, '(#100) Param grant_type is not supported');
  return exchangeCode(state, call, app);
}

/** Checks the client credentials, with Meta's errors. */
function authenticateClient(state: SandboxState, call: GraphCall): AppRecord {
  const id = call.params.get('client_id');
  if (id === undefined || id === '') throw oauthError(101, 'Missing client_id parameter.');
  if (!/^\d+$/.test(id)) throw oauthError(1, 'An unknown error has occurred.', { status: 500 });
  if (id.length < 5) throw oauthError(101, 'Error validating application. Invalid application ID.');
  const app = state.store.apps.get(id);
  if (app === undefined || app.kind !== 'facebook')
    throw oauthError(101, 'Error validating application. Cannot get application info due to a system error.');
  if (call.params.get('client_secret') !== app.secret) throw oauthError(1, 'Error validating client secret.');
  return app;
}

function exchangeCode(state: SandboxState, call: GraphCall, app: AppRecord): MetaResponse {
  const text = call.params.get('code') ?? '';
  const code = state.store.codes.get(text);
  const redirectUri = call.params.get('redirect_uri');
  // A full-page signup's code without redirect_uri fails like one with a wrong redirect_uri.
  if (code?.fromSdk !== true && code?.tokenKind !== 'system_user') requireRedirectUri(redirectUri);
  if (code === undefined || code.appId !== app.id)
    throw oauthError(100, 'Invalid verification code format.', { errorCode: 'invalid_code' });
  if (code.used)
    throw oauthError(100, 'This authorization code has been used.', { subcode: 36009, errorCode: 'invalid_code' });
  if (code.expiresAt <= state.now())
    throw oauthError(100, 'This authorization code has expired.', { subcode: 36007, errorCode: 'invalid_code' });
  if (!redirectFits(state, code, redirectUri))
    throw oauthError(100, REDIRECT_URI_MISMATCH, { subcode: 36008, errorCode: 'invalid_code' });
  const token = redeemCodeOnce(state, call, code);
  return ok(toTokenResponseBody(state, call, token.token, token.expiresAt));
}

function requireRedirectUri(redirectUri: string | undefined): void {
  if (redirectUri === undefined || redirectUri === '') throw oauthError(191, 'Missing redirect_uri parameter.');
  if (!/^[a-z][a-z0-9+.-]*:\/\/./i.test(redirectUri))
    throw oauthError(191, "redirect_uri isn't an absolute URI. Check RFC 3986.");
}

/** SDK codes take no or an empty redirect_uri, other codes the exact one (docs/meta-facts.md#code-exchange). */
function redirectFits(state: SandboxState, code: CodeRecord, redirectUri: string | undefined): boolean {
  if (!code.fromSdk) return redirectUri === code.redirectUri;
  return redirectUri === undefined || (redirectUri === '' && state.store.settings.emptySdkRedirect === 'accept');
}

/** Uses up a code and creates its token. From now on the code is a 36009. */
export function redeemCodeOnce(
  state: SandboxState,
  call: GraphCall,
  code: CodeRecord,
): { token: string; expiresAt: number } {
  code.used = true;
  state.log.countExchange(code.code);
  const settings = state.store.settings;
  const short =
    code.tokenKind === 'instagram_user' || code.tokenKind === 'threads_user' ? 3600 : settings.shortLifeSeconds;
  const expiresIn = code.expiresIn === undefined ? short : code.expiresIn;
  const minted = state.tokens.mint({
    appId: code.appId,
    principalId: principalFor(state, call, code.principalId, code.appId),
    kind: code.tokenKind,
    expiresIn,
    longLived: code.tokenKind === 'system_user',
  });
  dropScopeIfScripted(state, call, minted.token);
  state.store.onChange();
  return minted;
}

function exchangeToken(state: SandboxState, call: GraphCall, app: AppRecord): MetaResponse {
  const given = call.params.get('fb_exchange_token');
  if (given === undefined || given === '') throw oauthError(100, '(#100) The parameter fb_exchange_token is required');
  const view = state.tokens.view(given);
  if (view === null || view.claims.kind === 'page') throw oauthError(190, 'Invalid OAuth access token.');
  if (view.app.id !== app.id)
    throw oauthError(101, 'Error validating application. Cannot get application info due to a system error.');
  checkProof(state, call, app, given);
  requireLivingToken(view);
  const again = findReusableToken(state, call, view);
  if (again !== null) return ok(toTokenResponseBody(state, call, again.token, again.expiresAt));
  state.log.countExchange(given);
  const fresh = mintExchangedToken(state, call, view);
  view.grant.lastFresh = { token: fresh.token, at: state.now() };
  return ok(toTokenResponseBody(state, call, fresh.token, fresh.expiresAt));
}

/**
 * Returns the last token if a setting or fault limits fresh tokens to one a day
 * (docs/meta-facts.md#long-lived-user-tokens).
 */
function findReusableToken(
  state: SandboxState,
  call: GraphCall,
  view: TokenView,
): { token: string; expiresAt: number } | null {
  if (call.effects.has('same_token')) return { token: view.token, expiresAt: view.expiresAt };
  const last = view.grant.lastFresh;
  if (!state.store.settings.oneFreshTokenPerDay || last === undefined || state.now() - last.at >= DAY_MS) return null;
  const lastView = state.tokens.view(last.token);
  return lastView === null || lastView.death !== null ? null : { token: last.token, expiresAt: lastView.expiresAt };
}

function mintExchangedToken(
  state: SandboxState,
  call: GraphCall,
  view: TokenView,
): { token: string; expiresAt: number } {
  const system = view.claims.kind === 'system_user';
  const sixty = call.params.get('set_token_expires_in_60_days') === 'true';
  if (system && !sixty && requiresExpiry(state, view.principal)) {
    throw oauthError(100, '(#100) The parameter set_token_expires_in_60_days must be true for this business');
  }
  const life = system ? (sixty ? SIXTY_DAYS_SECONDS : null) : state.store.settings.longLifeSeconds;
  const expiresIn = shortenedIfScripted(state, call, view, life);
  const minted = state.tokens.mint({
    appId: view.app.id,
    principalId: principalFor(state, call, view.principal.id, view.app.id),
    kind: view.principal.kind,
    expiresIn,
    longLived: true,
  });
  dropScopeIfScripted(state, call, minted.token);
  return minted;
}

/**
 * Returns a new token's lifetime in seconds; the fault `shorter_expiry` makes it an hour shorter than the old one's.
 */
export function shortenedIfScripted<T extends number | null>(
  state: SandboxState,
  call: GraphCall,
  { expiresAt }: TokenView,
  seconds: T,
): T | number {
  if (!call.effects.has('shorter_expiry')) return seconds;
  return Math.max(60, Math.floor((expiresAt - state.now()) / 1000) - 3600);
}

/** Whether the user's business only allows tokens that expire. */
export function requiresExpiry(state: SandboxState, principal: Principal): boolean {
  return state.store.businesses.get(principal.businessId ?? '')?.requiresExpiry === true;
}

/** Omits `expires_in` for tokens without an end or on a fault's demand (docs/meta-facts.md#long-lived-user-tokens). */
export function toTokenResponseBody(
  state: SandboxState,
  call: GraphCall,
  token: string,
  expiresAt: number,
): Record<string, unknown> {
  const body: Record<string, unknown> = { access_token: token, token_type: 'bearer' };
  if (expiresAt !== 0 && !call.effects.has('omit_expires_in'))
    body.expires_in = Math.max(0, Math.floor((expiresAt - state.now()) / 1000));
  return body;
}

/** `oauth/revoke`: ends a system user's token, on request of another token of the same user or of an admin. */
export function revokeEndpoint(state: SandboxState, call: GraphCall): MetaResponse {
  const app = authenticateClient(state, call);
  const caller = authenticate(state, call, 'facebook');
  const given = call.params.get('revoke_token');
  if (given === undefined) throw oauthError(100, '(#100) The parameter revoke_token is required');
  const view = state.tokens.view(given);
  if (view === null) throw oauthError(190, 'Invalid OAuth access token.');
  const own =
    caller.kind === 'app'
      ? caller.app.id === view.app.id
      : caller.view.principal.id === view.principal.id || managesSystemUser(caller.view.principal, view.principal);
  if (view.app.id !== app.id || !own) throw oauthError(200, '(#200) Permissions error', { status: 403 });
  state.invalidateToken(given, 467);
  return success();
}

/** `oauth/client_code`: issues a code for the same user (docs/meta-facts.md#long-lived-user-tokens). */
export function clientCodeEndpoint(state: SandboxState, call: GraphCall): MetaResponse {
  const app = authenticateClient(state, call);
  const caller = authenticate(state, call, 'facebook');
  const redirectUri = call.params.get('redirect_uri');
  requireRedirectUri(redirectUri);
  if (caller.kind === 'app' || caller.app.id !== app.id)
    throw oauthError(100, '(#100) A user access token is required');
  return ok({
    code: state.make.code({
      userId: caller.view.principal.id,
      appId: app.id,
      redirectUri: redirectUri ?? '',
      expiresIn: state.store.settings.longLifeSeconds,
    }),
  });
}
