import type { GraphCall } from '../http/graph-call.ts';
import { type GraphError, malformedToken, oauthError } from '../http/graph-error.ts';
import { escapeJson, type MetaResponse, ok } from '../http/meta-response.ts';
import type { AppRecord, Principal } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { requireLivingToken } from './graph-caller.ts';
import { REDIRECT_URI_MISMATCH, redeemCodeOnce, shortenedIfScripted, toTokenResponseBody } from './oauth-exchange.ts';
import { dropScopeIfScripted, principalFor } from './scripted-grants.ts';
import type { TokenView } from './token-issuer.ts';

const DAY_MS = 86_400_000;

/**
 * The differences between Instagram and Threads (docs/meta-facts.md#instagram-login, docs/meta-facts.md#threads).
 */
export interface LoginProduct {
  kind: 'instagram_user' | 'threads_user';
  errorType: 'IGApiException' | 'THApiException';
  exchangeGrant: 'ig_exchange_token' | 'th_exchange_token';
  refreshGrant: 'ig_refresh_token' | 'th_refresh_token';
  requiredScope: string;
}

export const instagramLogin: LoginProduct = {
  kind: 'instagram_user',
  errorType: 'IGApiException',
  exchangeGrant: 'ig_exchange_token',
  refreshGrant: 'ig_refresh_token',
  requiredScope: 'instagram_business_basic',
};
export const threadsLogin: LoginProduct = {
  kind: 'threads_user',
  errorType: 'THApiException',
  exchangeGrant: 'th_exchange_token',
  refreshGrant: 'th_refresh_token',
  requiredScope: 'threads_basic',
};

/** A refused code exchange, which Instagram and Graph format differently. */
export class CodeExchangeError extends Error {}

/** Exchanges a code for a short-lived token. Throws CodeExchangeError with Meta's text. */
export function exchangeLoginCode(
  state: SandboxState,
  call: GraphCall,
  product: LoginProduct,
): { token: string; expiresAt: number; principal: Principal; app: AppRecord } {
  const app = state.store.apps.get(call.params.get('client_id') ?? '');
  if (app === undefined || app.kind !== product.kind.replace('_user', ''))
    throw new CodeExchangeError('Invalid platform app');
  // A wrong or truncated secret gets the redirect text as well.
  if (call.params.get('client_secret') !== app.secret) throw new CodeExchangeError(REDIRECT_URI_MISMATCH);
  if (call.params.get('grant_type') !== 'authorization_code')
    throw new CodeExchangeError('Invalid grant_type: must be authorization_code');
  const code = state.store.codes.get(call.params.get('code') ?? '');
  if (code === undefined || code.appId !== app.id || code.expiresAt <= state.now())
    throw new CodeExchangeError('Matching code was not found or was already used');
  if (code.used) throw new CodeExchangeError('This authorization code has been used');
  if (code.redirectUri !== call.params.get('redirect_uri')) throw new CodeExchangeError(REDIRECT_URI_MISMATCH);
  const minted = redeemCodeOnce(state, call, code);
  const view = state.tokens.view(minted.token);
  return { ...minted, principal: view?.principal ?? state.user(code.principalId), app };
}

/** Exchanges a short-lived token for a long-lived one. GET only (docs/meta-facts.md#instagram-login). */
export function exchangeLoginToken(state: SandboxState, call: GraphCall, product: LoginProduct): MetaResponse {
  requireGet(call, product);
  const view = requireValidToken(state, call, product);
  if (call.params.get('grant_type') !== product.exchangeGrant)
    throw oauthError(100, 'Invalid grant_type', { type: product.errorType });
  if (call.params.get('client_secret') !== view.app.secret)
    throw oauthError(100, 'Error validating client secret', { type: product.errorType });
  const fresh = call.effects.has('same_token')
    ? { token: view.token, expiresAt: view.expiresAt }
    : mintRefreshedToken(state, call, view, product);
  return ok(toTokenResponseBody(state, call, fresh.token, fresh.expiresAt));
}

/** Refreshes a token that is 24 h old, not expired, and has the basic scope (docs/meta-facts.md#instagram-login). */
export function refreshLoginToken(state: SandboxState, call: GraphCall, product: LoginProduct): MetaResponse {
  requireGet(call, product);
  const isDead = call.token !== null && state.tokens.view(call.token)?.death !== null;
  if (isDead && state.store.settings.deadRefresh === 'unsupported') throw unsupported(product);
  const view = requireValidToken(state, call, product);
  if (call.params.get('grant_type') !== product.refreshGrant || !view.claims.longLived) throw unsupported(product);
  if (!view.scopes.includes(product.requiredScope))
    throw oauthError(10, '(#10) Application does not have permission for this action', {
      type: product.errorType,
      status: 403,
    });
  const permissions = view.scopes.join(',');
  if (state.now() - view.claims.issuedAt < DAY_MS) {
    if (state.store.settings.earlyRefresh === 'refuse')
      throw oauthError(100, 'The access token must be at least 24 hours old to be refreshed', {
        type: product.errorType,
      });
    return ok({ ...toTokenResponseBody(state, call, view.token, view.expiresAt), permissions });
  }
  const same = call.effects.has('same_token');
  const fresh = same
    ? { token: view.token, expiresAt: view.expiresAt }
    : mintRefreshedToken(state, call, view, product);
  return ok({ ...toTokenResponseBody(state, call, fresh.token, fresh.expiresAt), permissions });
}

function mintRefreshedToken(
  state: SandboxState,
  call: GraphCall,
  view: TokenView,
  product: LoginProduct,
): { token: string; expiresAt: number } {
  state.log.countExchange(view.token);
  const { longLifeSeconds, refreshReturns } = state.store.settings;
  const expiresIn = shortenedIfScripted(state, call, view, longLifeSeconds);
  if (refreshReturns === 'same_token' && call.params.get('grant_type') === product.refreshGrant) {
    const expiresAt = state.now() + expiresIn * 1000;
    state.expireToken(view.token, expiresAt);
    return { token: view.token, expiresAt };
  }
  const principalId = principalFor(state, call, view.principal.id, view.app.id);
  const minted = state.tokens.mint({ appId: view.app.id, principalId, kind: product.kind, expiresIn, longLived: true });
  dropScopeIfScripted(state, call, minted.token);
  return minted;
}

function requireGet(call: GraphCall, product: LoginProduct): void {
  if (call.method !== 'GET') throw unsupported(product);
}

/** The recorded text says `get` whatever the method was (docs/meta-facts.md#instagram-login). */
function unsupported(product: LoginProduct): GraphError {
  return oauthError(100, 'Unsupported request - method type: get', { type: product.errorType });
}

/** Returns the call's token. Tokens of other products cannot be parsed here. */
export function requireValidToken(state: SandboxState, call: GraphCall, product: LoginProduct): TokenView {
  if (call.token === null)
    throw oauthError(104, 'An access token is required to request this resource.', { type: product.errorType });
  const view = state.tokens.view(call.token);
  if (view === null || view.claims.kind !== product.kind) throw oauthError(190, malformedToken);
  call.view = view;
  requireLivingToken(view);
  return view;
}

/** Serializes JSON with one id as a bare number, which JSON.stringify cannot write above 2^53. */
export function jsonWithRawId(
  value: Record<string, unknown>,
  key: string,
  id: string,
  asNumber: boolean,
  escaped: boolean,
): string {
  const text = JSON.stringify(value).replace(`"${key}":"${id}"`, asNumber ? `"${key}":${id}` : `"${key}":"${id}"`);
  return escaped ? escapeJson(text) : text;
}
