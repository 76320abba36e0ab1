import type { AssetType, CredentialKind, Health } from '../credentials/credential-kind.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import type { ConnectionStatus, ProviderRevocationStatus } from '../status/connection-status.ts';
import type { CredentialFailure, StatusReason } from '../status/status-reason.ts';
import type { AssetDetails } from './asset-details.ts';
import type { AssetEntity, ConnectionEntity, CredentialEntity } from './connection.entity.ts';

/** A connection as the API shows it. Contains no token, not even sealed. */
export interface ConnectionResponse {
  id: ConnectionId;
  tenant: string;
  product: string;
  flow: string;
  status: ConnectionStatus;
  status_reason: StatusReason | null;
  app_id: string;
  meta_user_id: string;
  provider_revocation: ProviderRevocationStatus | null;
  graph_api_version: string;
  scopes: string[];
  declined_scopes: string[];
  data_access_expires_at: string | null;
  created_at: string;
  updated_at: string;
  revoked_at: string | null;
  credentials: CredentialResponse[];
  assets: AssetResponse[];
}

export interface CredentialResponse {
  id: CredentialId;
  kind: CredentialKind;
  subject_id: string;
  subject_name: string | null;
  version: number;
  scopes: string[];
  issued_at: string | null;
  expires_at: string | null;
  refresh_after: string | null;
  last_refreshed_at: string | null;
  last_checked_at: string | null;
  health: Health;
  failure: CredentialFailure | null;
}

/** Includes details that only some types have (`AssetDetails`). */
interface AssetResponse extends AssetDetails {
  type: AssetType;
  id: string;
  name: string | null;
  /** Null: Meta gives no token for it. */
  credential_id: CredentialId | null;
  /** Whether a lease can be issued for it while the connection is active. */
  usable: boolean;
  parent_id: string | null;
}

const instant = (date: Date | null): string | null => date?.toISOString() ?? null;

export function toConnectionResponse(
  connection: ConnectionEntity,
  credentials: CredentialEntity[],
  assets: AssetEntity[],
): ConnectionResponse {
  return {
    id: connection.id,
    tenant: connection.tenant,
    product: connection.product,
    flow: connection.flow,
    status: connection.status,
    status_reason: connection.statusReason,
    app_id: connection.appId,
    meta_user_id: connection.metaUserId,
    provider_revocation: connection.providerRevocation,
    graph_api_version: connection.graphApiVersion,
    scopes: connection.scopes,
    declined_scopes: connection.declinedScopes,
    data_access_expires_at: instant(connection.dataAccessExpiresAt),
    created_at: connection.createdAt.toISOString(),
    updated_at: connection.updatedAt.toISOString(),
    revoked_at: instant(connection.revokedAt),
    credentials: credentials.map(toCredentialResponse),
    assets: assets.map((asset) => ({
      type: asset.type,
      id: asset.id,
      name: asset.name,
      credential_id: asset.credentialId,
      usable: asset.credentialId !== null,
      parent_id: asset.parentId,
      ...asset.details,
    })),
  };
}

function toCredentialResponse(credential: CredentialEntity): CredentialResponse {
  return {
    id: credential.id,
    kind: credential.kind,
    subject_id: credential.subjectId,
    subject_name: credential.subjectName,
    version: credential.version,
    scopes: credential.scopes,
    issued_at: instant(credential.issuedAt),
    expires_at: instant(credential.expiresAt),
    refresh_after: instant(credential.refreshAfter),
    last_refreshed_at: instant(credential.lastRefreshedAt),
    last_checked_at: instant(credential.lastCheckedAt),
    health: credential.health,
    failure: credential.failure,
  };
}
