import { createHmac, timingSafeEqual } from 'node:crypto';
import type { GraphCall } from '../http/graph-call.ts';
import { malformedToken, methodError, oauthError } from '../http/graph-error.ts';
import type { AppKind, AppRecord, Principal, TokenKind } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { TokenView } from './token-issuer.ts';

/** The caller: an app by `id|secret` or its opaque form, or the holder of a token. */
export type GraphCaller =
  | { kind: 'app'; app: AppRecord; token: string }
  | { kind: 'token'; app: AppRecord; token: string; view: TokenView };

const PROOF_LIFETIME_SECONDS = 300;

/** HMAC-SHA256 of the token or of `token|time`, lowercase hex (docs/meta-facts.md#app-secret-proof). */
export function appsecretProof(secret: string, token: string, time?: string): string {
  return createHmac('sha256', secret)
    .update(time === undefined ? token : `${token}|${time}`)
    .digest('hex');
}

function equalsInConstantTime(given: string, expected: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Refuses a wrong proof, and a missing one if the app requires it (docs/meta-facts.md#app-secret-proof). */
export function checkProof(state: SandboxState, call: GraphCall, app: AppRecord, token: string): void {
  const proof = call.params.get('appsecret_proof');
  if (proof === undefined) {
    if (app.requireProof) throw methodError('API calls from the server require an appsecret_proof argument');
    return;
  }
  const time = call.params.get('appsecret_time');
  const fresh = time === undefined || Math.abs(state.now() / 1000 - Number(time)) <= PROOF_LIFETIME_SECONDS;
  if (!fresh || !equalsInConstantTime(proof, appsecretProof(app.secret, token, time)))
    throw methodError('Invalid appsecret_proof provided in the API argument');
}

/** Reads app tokens: `id|secret`, or the opaque ones from client_credentials (docs/meta-facts.md#code-exchange). */
export function appOfToken(state: SandboxState, token: string): AppRecord | null {
  const parts = token.split('|');
  const threads = parts[0] === 'TH' && parts.length === 3;
  const [id, rest] = threads ? [parts[1], parts[2]] : [parts[0], parts.slice(1).join('|')];
  const app = id === undefined ? undefined : state.store.apps.get(id);
  if (app === undefined || rest === undefined)
    throw oauthError(101, 'Error validating application. Cannot get application info due to a system error.');
  if (rest !== app.secret && rest !== opaqueAppToken(app)) throw oauthError(1, 'Error validating client secret.');
  return app;
}

export function opaqueAppToken(app: AppRecord): string {
  return createHmac('sha256', app.secret).update('app token').digest('base64url').slice(0, 27);
}

const kindsOf: Record<AppKind, TokenKind[]> = {
  facebook: ['user', 'page', 'system_user'],
  instagram: ['instagram_user'],
  threads: ['threads_user'],
};

/** Authenticates a call to a host of this product. Throws Meta's error. */
export function authenticate(state: SandboxState, call: GraphCall, product: AppKind): GraphCaller {
  const token = call.token;
  if (token === null) {
    if (call.path[0] === 'me' || call.path.length === 0) {
      throw oauthError(2500, 'An active access token must be used to query information about the current user.');
    }
    throw oauthError(104, 'An access token is required to request this resource.');
  }
  if (token.includes('|')) {
    const app = appOfToken(state, token);
    if (app === null || app.kind !== product) throw oauthError(190, 'Invalid OAuth access token.');
    checkProof(state, call, app, token);
    return { kind: 'app', app, token };
  }
  const view = state.tokens.view(token);
  if (view === null || !kindsOf[product].includes(view.claims.kind)) throw oauthError(190, malformedToken);
  call.view = view;
  checkProof(state, call, view.app, token);
  requireLivingToken(view);
  return { kind: 'token', app: view.app, token, view };
}

/** Throws Meta's error if the token is dead. */
export function requireLivingToken({ death }: TokenView): void {
  if (death !== null)
    throw oauthError(190, death.message, death.subcode === undefined ? {} : { subcode: death.subcode });
}

/** Returns the caller's token. Refuses app tokens. */
export function requireTokenView(caller: GraphCaller): TokenView {
  if (caller.kind === 'app') throw oauthError(104, 'An access token is required to request this resource.');
  return caller.view;
}

/** Refuses a caller without any of the scopes (code 200). */
export function requireScope(view: TokenView, ...scopes: string[]): void {
  const { unnamedScopes } = view.grant;
  if (scopes.some((scope) => view.scopes.includes(scope) || unnamedScopes?.includes(scope) === true)) return;
  throw oauthError(200, `(#200) Requires ${scopes.join(' or ')} permission to manage the object`, { status: 403 });
}

/** Whether a principal may manage a system user: itself, or a user or admin system user of its portfolio. */
export function managesSystemUser(principal: Principal, system: Principal): boolean {
  if (system.kind !== 'system_user') return false;
  if (principal.id === system.id) return true;
  if (system.businessId === undefined) return false;
  return principal.kind === 'user'
    ? principal.businessIds.includes(system.businessId)
    : principal.businessId === system.businessId && principal.role === 'ADMIN';
}
