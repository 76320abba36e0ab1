import type { GraphCall } from '../http/graph-call.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { fingerprintOf } from './token-codec.ts';

/** The fault `other_user`: the new token belongs to another user who also granted the app access. */
export function principalFor(state: SandboxState, call: GraphCall, principalId: string, appId: string): string {
  if (!call.effects.has('other_user')) return principalId;
  const principal = state.user(principalId);
  const other =
    [...state.store.principals.values()].find((one) => one.id !== principalId && one.kind === principal.kind) ??
    state.make.user({ kind: principal.kind });
  if (other.grants[appId]?.active !== true) state.tokens.grant(other, appId, principal.grants[appId]?.scopes ?? [], []);
  return other.id;
}

/** The fault `fewer_scopes`: the new token has fewer scopes than the grant. */
export function dropScopeIfScripted(state: SandboxState, call: GraphCall, token: string): void {
  if (!call.effects.has('fewer_scopes')) return;
  const scopes = state.tokens.view(token)?.scopes ?? [];
  state.store.changeToken(fingerprintOf(token), { scopes: scopes.slice(0, Math.max(scopes.length - 1, 0)) });
}
