export type ConnectionStatus = 'active' | 'reauth_required' | 'revoked';
/** How a revocation stands at Meta; `shared`: its grant serves another live connection, and goes with the last of them. */
export type ProviderRevocationStatus = 'confirmed' | 'pending' | 'shared' | 'not_supported';
/**
 * `authorized`: a user or business connected (again). `authorized_unusable`: they did, and the token reaches nothing that the connection is
 * for. `died`: a confirmed verdict on the root token, or data access that ended. `recovered`: inspection finds a token valid again.
 */
export type ConnectionChange = 'authorized' | 'authorized_unusable' | 'died' | 'recovered' | 'revoked';

declare const decided: unique symbol;
/** A status that the transition table gave: nothing else is written to the column. */
export type DecidedStatus = ConnectionStatus & { readonly [decided]: true };

type TransitionTable = Readonly<
  Record<ConnectionStatus | 'new', Readonly<Record<ConnectionChange, ConnectionStatus | null>>>
>;

/** Every change of state there is; null is a change that may not happen. `new`: there is no row yet. Nothing leaves `revoked`. */
const TRANSITIONS: TransitionTable = {
  new: {
    authorized: 'active',
    authorized_unusable: 'reauth_required',
    died: null,
    recovered: null,
    revoked: null,
  },
  active: {
    authorized: 'active',
    authorized_unusable: 'reauth_required',
    died: 'reauth_required',
    recovered: 'active',
    revoked: 'revoked',
  },
  reauth_required: {
    authorized: 'active',
    authorized_unusable: 'reauth_required',
    died: 'reauth_required',
    recovered: 'active',
    revoked: 'revoked',
  },
  revoked: {
    authorized: null,
    authorized_unusable: null,
    died: null,
    recovered: null,
    revoked: 'revoked',
  },
};

/** The state after `change`, or null where that change may not happen. */
export function nextStatus(status: ConnectionStatus | 'new', change: ConnectionChange): DecidedStatus | null {
  return TRANSITIONS[status][change] as DecidedStatus | null;
}

/** The same, for code that has already checked that the change is allowed. */
export function requireNextStatus(status: ConnectionStatus | 'new', change: ConnectionChange): DecidedStatus {
  const next = nextStatus(status, change);
  if (next === null) throw new Error(`a connection that is ${status} can't be ${change}`);
  return next;
}

/** For statements that decide within SQL: what `change` makes of each stored status; those that it may not happen to are left out. */
export function statusesAfter(change: ConnectionChange): [ConnectionStatus, DecidedStatus][] {
  return STORED_STATUSES.flatMap((status) => {
    const next = nextStatus(status, change);
    return next === null ? [] : [[status, next] satisfies [ConnectionStatus, DecidedStatus]];
  });
}

const STORED_STATUSES: readonly ConnectionStatus[] = ['active', 'reauth_required', 'revoked'];
