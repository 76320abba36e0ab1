import type { Health } from '../credentials/credential-kind.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { CredentialFailureCode, StatusReasonCode } from '../status/status-reason.ts';

/** How a connection stands. */
export interface ConnectionAccess {
  status: ConnectionStatus;
  reason: StatusReasonCode | null;
}

/** By which credential a connection reaches an asset, and how that stands; null: by none, for Meta gives no token for it. */
export interface AssetCredential {
  isRoot: boolean;
  health: Health;
  failure: CredentialFailureCode | null;
}

/**
 * What a reason says of the access that a tenant was given. `stands`: there is something to fix beside it. `mendable`: it ended, and a login
 * brings it back. `withdrawn`: Meta or the customer ended it, or nobody says why it ended. `restricted`: permissions that the product needs
 * were withdrawn, while the user still has the app.
 */
type AccessVerdict = 'stands' | 'mendable' | 'withdrawn' | 'restricted';

/** Every reason there is: the compiler asks for a decision about each new one. */
const VERDICTS: Readonly<Record<StatusReasonCode, AccessVerdict>> = {
  app_removed: 'withdrawn',
  checkpoint: 'mendable',
  password_changed: 'mendable',
  expired: 'mendable',
  unconfirmed_user: 'mendable',
  logged_out: 'mendable',
  role_lost: 'withdrawn',
  inactive_90_days: 'mendable',
  invalid: 'withdrawn',
  data_access_expired: 'mendable',
  whatsapp_account_lost: 'withdrawn',
  partner_removed: 'withdrawn',
  phone_number_lost: 'stands',
  page_lost: 'withdrawn',
  scopes_missing: 'restricted',
  no_page: 'stands',
  no_page_permission: 'withdrawn',
  no_instagram_account: 'stands',
  no_ad_account: 'stands',
  no_whatsapp_account: 'stands',
  phone_number_missing: 'stands',
  phone_number_unverified: 'stands',
  phone_number_not_registered: 'stands',
  waba_id_is_portfolio: 'stands',
  webhooks_not_subscribed: 'stands',
  discovery_refused: 'stands',
};

/**
 * Whether a connection's tenant gets the events of something that the connection reaches: while the access to it stands, and after it ended
 * for a reason that a login mends, but not after Meta or the customer ended it. `asset`: the credential that reaches the asset;
 * `user`: the events are about the connection's own user.
 */
export function receivesEvents(
  connection: ConnectionAccess,
  subject: { asset: AssetCredential | null } | 'user',
): boolean {
  if (!hasAccess(connection, subject === 'user')) return false;
  return subject === 'user' || reaches(connection.status, subject.asset);
}

function hasAccess({ status, reason }: ConnectionAccess, isAboutUser: boolean): boolean {
  if (status === 'revoked') return false;
  const verdict = reason === null ? null : verdictOn(reason);
  // What a reason names is gone from the assets of an active connection; the others stand.
  if (status === 'active') return isAboutUser || verdict !== 'restricted';
  return verdict === 'stands' || verdict === 'mendable';
}

/** Null for one that another release stored. */
function verdictOn(reason: StatusReasonCode): AccessVerdict | null {
  return Object.hasOwn(VERDICTS, reason) ? VERDICTS[reason] : null;
}

/**
 * No token, no proof: a Page without one is reached by nobody here. A token of a Page that died is given again by its user's token as long as
 * the user has a task on the Page; where that failed, the access is gone. With a user's token that died nothing can be given
 * again, and only what was lost before is lost.
 */
function reaches(status: ConnectionStatus, credential: AssetCredential | null): boolean {
  if (credential === null) return false;
  if (credential.isRoot || credential.health !== 'invalid') return true;
  return status === 'active' ? credential.failure === null : credential.failure !== 'page_token_lost';
}
