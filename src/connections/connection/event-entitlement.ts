import type { Health } from '../credentials/credential-kind.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { CredentialFailureCode, StatusReasonCode } from '../status/status-reason.ts';

/** The parts of a connection's state that decide whether it gets events. */
export interface ConnectionAccess {
  status: ConnectionStatus;
  reason: StatusReasonCode | null;
}

/** The credential that reaches an asset, and its state; null: none, because Meta gives no token for it. */
export interface AssetCredential {
  isRoot: boolean;
  health: Health;
  failure: CredentialFailureCode | null;
}

/**
 * What a reason means for the tenant's access. `stands`: access continues, something else needs fixing. `mendable`:
 * ended, but a login restores it. `withdrawn`: Meta or the customer ended it, or nobody knows why it ended.
 * `restricted`: permissions the product needs were withdrawn, though the user still has the app.
 */
type AccessVerdict = 'stands' | 'mendable' | 'withdrawn' | 'restricted';

/** Complete: the compiler demands a verdict for each new reason. */
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
 * Whether a connection's tenant gets events: while access stands, and after it ended for a reason a login mends, but
 * not once Meta or the customer ended it. `asset`: the credential that reaches the asset. `user`: the events are about
 * the connection's own user.
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
  // An active connection has already lost the assets its reason names; the others stand.
  if (status === 'active') return isAboutUser || verdict !== 'restricted';
  return verdict === 'stands' || verdict === 'mendable';
}

/** Null for reasons stored by another release. */
function verdictOn(reason: StatusReasonCode): AccessVerdict | null {
  return Object.hasOwn(VERDICTS, reason) ? VERDICTS[reason] : null;
}

/**
 * Without a token there is no proof of access. A dead Page token is replaced through its user's token as long as the
 * user has a task on the Page; if that fails, access is gone. If the user's token is dead, nothing can be replaced, so
 * only what was lost before counts as lost.
 */
function reaches(status: ConnectionStatus, credential: AssetCredential | null): boolean {
  if (credential === null) return false;
  if (credential.isRoot || credential.health !== 'invalid') return true;
  return status === 'active' ? credential.failure === null : credential.failure !== 'page_token_lost';
}
