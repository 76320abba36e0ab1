export type ConnectionStatus = 'active' | 'reauth_required' | 'revoked';
/** How a revocation stands at Meta; `shared`: its grant serves another live connection, and goes with the last of them. */
export type ProviderRevocationStatus = 'confirmed' | 'pending' | 'shared' | 'not_supported';
export type ConnectionChange = 'authorized' | 'died' | 'recovered' | 'revoked';

/**
 * Every change of state there is; null is a change that may not happen. `authorized`: a person or business connected (again).
 * `died`: a confirmed verdict on the root token. `recovered`: inspection finds a token valid again (after a checkpoint, META.md 12.2).
 * Nothing leaves `revoked`.
 */
const TRANSITIONS: Readonly<Record<ConnectionStatus, Readonly<Record<ConnectionChange, ConnectionStatus | null>>>> = {
  active: { authorized: 'active', died: 'reauth_required', recovered: 'active', revoked: 'revoked' },
  reauth_required: { authorized: 'active', died: 'reauth_required', recovered: 'active', revoked: 'revoked' },
  revoked: { authorized: null, died: null, recovered: null, revoked: 'revoked' },
};

/** The state after `change`, or null where that change may not happen. */
export function nextStatus(status: ConnectionStatus, change: ConnectionChange): ConnectionStatus | null {
  return TRANSITIONS[status][change];
}

/** Reasons of connections in `reauth_required` whose token lives all the time: that it lives is no recovery. */
export const REASONS_DESPITE_VALID_TOKEN: readonly string[] = ['no_whatsapp_account', 'whatsapp_account_lost'];
