export const CONNECTION_STATUSES = ['active', 'reauth_required', 'revoked'] as const;
export type ConnectionStatus = (typeof CONNECTION_STATUSES)[number];
export const PROVIDER_REVOCATION_STATUSES = ['confirmed', 'pending', 'shared', 'not_supported'] as const;
/**
 * State of a revocation at Meta. `shared`: the grant also serves another live connection and ends with the last one.
 */
export type ProviderRevocationStatus = (typeof PROVIDER_REVOCATION_STATUSES)[number];
/**
 * `authorized`: a user or business connected (again). `authorized_unusable`: they did, but the token does not reach
 * what the connection is for. `died`: a confirmed verdict on the root token, or data access ended. `recovered`:
 * inspection found the token valid again.
 */
export type ConnectionChange = 'authorized' | 'authorized_unusable' | 'died' | 'recovered' | 'revoked';

declare const decided: unique symbol;
/** A status from the transition table. Nothing else may be written to the column. */
export type DecidedStatus = ConnectionStatus & { readonly [decided]: true };

type TransitionTable = Readonly<
  Record<ConnectionStatus | 'new', Readonly<Record<ConnectionChange, ConnectionStatus | null>>>
>;

/** All state changes; null: not allowed. `new`: no row yet. Nothing leaves `revoked`. */
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

/** The status after `change`; null: not allowed. */
export function nextStatus(status: ConnectionStatus | 'new', change: ConnectionChange): DecidedStatus | null {
  return TRANSITIONS[status][change] as DecidedStatus | null;
}

/** Same, for callers that have checked that the change is allowed. Throws otherwise. */
export function requireNextStatus(status: ConnectionStatus | 'new', change: ConnectionChange): DecidedStatus {
  const next = nextStatus(status, change);
  if (next === null) throw new Error(`a connection that is ${status} can't be ${change}`);
  return next;
}

/** For statements that decide in SQL: the result of `change` for each stored status it is allowed in. */
export function statusesAfter(change: ConnectionChange): [ConnectionStatus, DecidedStatus][] {
  return CONNECTION_STATUSES.flatMap((status) => {
    const next = nextStatus(status, change);
    return next === null ? [] : [[status, next] satisfies [ConnectionStatus, DecidedStatus]];
  });
}
