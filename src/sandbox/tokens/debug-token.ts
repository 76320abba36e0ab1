import type { GraphCall } from '../http/graph-call.ts';
import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok } from '../http/meta-response.ts';
import type { AppKind, AppRecord } from '../state/records.ts';
import type { SandboxSettings } from '../state/sandbox-settings.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { appOfToken, authenticate, type GraphCaller } from './graph-caller.ts';
import type { TokenView } from './token-issuer.ts';

const needsAppToken =
  '(#100) You must provide an app access token, or a user access token that is an owner or developer of the app';

/** `debug_token`: a bad but readable token is 200 with `data.error` (docs/meta-facts.md#token-inspection). */
export function debugTokenEndpoint(state: SandboxState, call: GraphCall, product: AppKind): MetaResponse {
  if (call.token === null) throw oauthError(100, needsAppToken);
  const caller = authenticate(state, call, product);
  const input = call.params.get('input_token');
  if (input === undefined || input === '') throw oauthError(100, '(#100) The parameter input_token is required');
  if (input.includes('|')) return ok({ data: appTokenData(state, caller, input) });
  const view = state.tokens.view(input);
  if (view === null || view.app.kind !== product) {
    return ok({ data: { error: { code: 190, message: 'Invalid OAuth access token.' }, is_valid: false, scopes: [] } });
  }
  checkViewer(caller, view.app, input);
  const data = tokenData(view, state.store.settings.targetOrder);
  const fields = call.params.get('fields')?.split(',');
  return ok({
    data:
      fields === undefined ? data : Object.fromEntries(Object.entries(data).filter(([name]) => fields.includes(name))),
  });
}

function checkViewer(caller: GraphCaller, app: AppRecord, input: string): void {
  const { kind } = caller;
  const developer = kind === 'app' || caller.view.principal.developerOf.includes(caller.app.id);
  const itself = kind === 'token' && caller.token === input && caller.view.claims.kind === 'system_user';
  if (!developer && !itself) throw oauthError(100, needsAppToken);
  if (caller.app.id !== app.id)
    throw oauthError(100, '(#100) The App_id in the input_token did not match the Viewing App');
}

function appTokenData(state: SandboxState, caller: GraphCaller, input: string): Record<string, unknown> {
  const app = appOfToken(state, input);
  if (app === null) return { is_valid: false };
  checkViewer(caller, app, input);
  if (state.store.settings.appTokenDebug === '2014') return { app_id: app.id, is_valid: true };
  return { app_id: app.id, type: 'APP', application: app.name, is_valid: true, scopes: [] };
}

const typeNames = {
  user: 'USER',
  page: 'PAGE',
  system_user: 'SYSTEM_USER',
  instagram_user: 'USER',
  threads_user: 'USER',
} as const;

function tokenData(view: TokenView, targetOrder: SandboxSettings['targetOrder']): Record<string, unknown> {
  const { claims, grant, death } = view;
  const data: Record<string, unknown> = {};
  if (death !== null) {
    data.error =
      death.subcode === undefined
        ? { code: death.code, message: death.message }
        : { code: death.code, message: death.message, subcode: death.subcode };
  }
  data.app_id = view.app.id;
  data.type = typeNames[claims.kind];
  data.application = view.app.name;
  data.data_access_expires_at = Math.floor(grant.dataAccessExpiresAt / 1000);
  data.expires_at = Math.floor(view.expiresAt / 1000);
  data.is_valid = death === null;
  // Possibly only for long-lived tokens (docs/meta-facts.md#token-inspection).
  if (claims.longLived) data.issued_at = Math.floor(claims.issuedAt / 1000);
  if (claims.kind === 'page') data.profile_id = claims.pageId;
  data.scopes = view.scopes;
  data.granular_scopes = view.scopes.filter(isGranular).map((scope) => {
    const targets = grant.targets?.[scope];
    if (targets === undefined) return { scope };
    return { scope, target_ids: targetOrder === 'reversed' ? targets.toReversed() : targets };
  });
  data.user_id = view.principal.id;
  return data;
}

/** Whether users choose objects for a scope. `public_profile` and `email` have none. */
function isGranular(scope: string): boolean {
  return scope !== 'public_profile' && scope !== 'email';
}
