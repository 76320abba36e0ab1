import type { Actor } from '../../audit/actor.ts';
import type { PhoneCoexistence } from '../assets/phone-coexistence.ts';
import type { AssetDetails } from '../connection/asset-details.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { GrantedCredential } from '../credentials/credential-writer.ts';
import type { BroughtDescription } from '../description/description.ts';
import type { StatusReason } from '../status/status-reason.ts';
import type { PendingAuthorization } from './pending-authorization.ts';

export interface GrantedAsset {
  type: AssetType;
  /** As Meta writes it; ad accounts with `act_`. */
  id: string;
  name: string | null;
  parentId: string | null;
  /** The Page whose credential reaches it; null: the root credential, or none. */
  pageId: string | null;
  /** False: Meta gives no token for it, and no other token reaches it. */
  isUsable?: false;
  details?: AssetDetails;
  /** Phone numbers only, if known. */
  coexistence?: PhoneCoexistence;
}

/** Everything one authorization gave, after inspection and discovery. */
export interface ProvisioningInput {
  pendingAuthorization: PendingAuthorization;
  appId: string;
  metaUserId: string;
  /** Instagram: the user's app-scoped id; null if it equals `metaUserId` or is unknown. */
  appScopedUserId?: string | null;
  scopes: string[];
  declinedScopes: string[];
  dataAccessExpiresAt: Date | null;
  graphApiVersion: string;
  /** Set if the user should fix something. */
  statusReason: StatusReason | null;
  /** The connection is useless until that is fixed: it starts as `reauth_required` although its token is valid. */
  isUnusable?: boolean;
  root: GrantedCredential;
  pages: GrantedCredential[];
  assets: GrantedAsset[];
  description?: BroughtDescription;
  actor: Actor;
  requestId: string | null;
}
