import { methodError, oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { AppRecord, Principal } from '../state/records.ts';
import { managesSystemUser, requireScope } from '../tokens/graph-caller.ts';
import { requiresExpiry, SIXTY_DAYS_SECONDS } from '../tokens/oauth-exchange.ts';
import { dropScopeIfScripted, principalFor } from '../tokens/scripted-grants.ts';
import { fingerprintOf } from '../tokens/token-codec.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';

/** Installs apps for system users, and creates and ends their tokens (docs/meta-facts.md#system-users). */
export const systemUserEdges: EdgeTable = {
  'POST user/applications': (context) => {
    const system = managedSystemUser(context);
    const { id } = appToInstall(context);
    system.installedAppIds = [...new Set([...(system.installedAppIds ?? []), id])];
    context.state.store.onChange();
    return success();
  },
  'POST user/access_tokens': mintToken,
  'DELETE user/access_tokens': (context) => {
    const { state, caller, node } = context;
    if (caller.kind === 'token' && caller.view.principal.id !== node.id) managedSystemUser(context);
    state.invalidateUser(node.id, 467, caller.app.id);
    return success();
  },
};

/** Returns the call's system user, whom the user itself or an admin of its portfolio may manage. */
function managedSystemUser({ caller, node }: EdgeContext): Principal {
  if (node.type !== 'user' || node.record.kind !== 'system_user')
    throw oauthError(100, '(#100) The object is not a system user');
  const { record } = node;
  if (caller.kind === 'app' || !managesSystemUser(caller.view.principal, record))
    throw oauthError(200, '(#200) Requires an admin of the business to manage the object', { status: 403 });
  if (caller.view.principal.id !== record.id) requireScope(caller.view, 'business_management');
  return record;
}

function appToInstall({ state, call }: EdgeContext): AppRecord {
  const id = call.params.get('business_app');
  if (id === undefined || id === '') throw oauthError(100, '(#100) The parameter business_app is required');
  const app = state.store.apps.get(id);
  if (app?.kind !== 'facebook') throw oauthError(100, '(#100) The parameter business_app is not an app');
  return app;
}

/** Creates a token. The proof is required whatever the app's settings, and was checked with the caller. */
function mintToken(context: EdgeContext): MetaResponse {
  const { state, call } = context;
  const system = managedSystemUser(context);
  if (!call.params.has('appsecret_proof'))
    throw methodError('API calls from the server require an appsecret_proof argument');
  const app = appToInstall(context);
  const isInstalled = system.installedAppIds?.includes(app.id) === true || system.grants[app.id]?.active === true;
  if (!isInstalled) throw oauthError(100, '(#100) The app must be installed for the system user first');
  const scopes = (call.params.get('scope') ?? '').split(/[,\s]+/).filter((scope) => scope !== '');
  if (scopes.length === 0) throw oauthError(100, '(#100) The parameter scope is required');
  if (state.store.businesses.get(system.businessId ?? '')?.forbidsTokens === true)
    throw oauthError(200, '(#200) The settings of the business forbid access tokens of system users', { status: 403 });
  const isSixty = ['true', '1'].includes(call.params.get('set_token_expires_in_60_days') ?? '');
  if (!isSixty && requiresExpiry(state, system))
    throw oauthError(100, '(#100) The parameter set_token_expires_in_60_days must be true for this business');
  const grant = state.tokens.grant(system, app.id, scopes, []);
  const { token } = state.tokens.mint({
    appId: app.id,
    principalId: principalFor(state, call, system.id, app.id),
    kind: 'system_user',
    expiresIn: isSixty ? SIXTY_DAYS_SECONDS : null,
    longLived: true,
  });
  if (grant.scopes.length > scopes.length) state.store.changeToken(fingerprintOf(token), { scopes });
  dropScopeIfScripted(state, call, token);
  return ok({ access_token: token });
}
