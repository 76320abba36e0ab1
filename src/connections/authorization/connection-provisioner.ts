import { Injectable } from '@nestjs/common';
import { type Actor, AuditLog } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { PHONE_NUMBER_NOT_REGISTERED } from '../assets/phone-registration.service.ts';
import type { AssetDetails } from '../connection/asset-details.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import { CredentialWriter, type GrantedCredential } from '../credentials/credential-writer.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';
import type { StatusReason } from '../status/status-reason.ts';
import { lockMetaUser } from './meta-user-lock.ts';
import { type PendingAuthorization, PendingAuthorizationRepository } from './pending-authorization.repository.ts';

export interface GrantedAsset {
  type: AssetType;
  /** As Meta writes it; ad accounts with `act_`. */
  id: string;
  name: string | null;
  parentId: string | null;
  /** The page whose credential reaches it; null: the root credential does. */
  pageId: string | null;
  details?: AssetDetails;
}

/** Everything that one authorization gave, after inspection and discovery. */
export interface ProvisioningInput {
  pendingAuthorization: PendingAuthorization;
  appId: string;
  metaUserId: string;
  /** Instagram: the id that the person has for our app only; null where that is `metaUserId`, or is not told. */
  appScopedUserId?: string | null;
  scopes: string[];
  declinedScopes: string[];
  dataAccessExpiresAt: Date | null;
  graphApiVersion: string;
  /** Set where a person should mend something. */
  statusReason: StatusReason | null;
  /** Without that mending the connection is of no use: it begins as `reauth_required`, though its token lives. */
  isUnusable?: boolean;
  root: GrantedCredential;
  pages: GrantedCredential[];
  assets: GrantedAsset[];
  actor: Actor;
  requestId: string | null;
}

/** What stays with an asset that is found again. */
type KeptDetails = ReadonlyMap<string, AssetDetails>;

interface LiveConnectionRow {
  id: string;
  status: ConnectionStatus;
}

/**
 * Turns an intake into a connection, in one transaction: connection, sealed credentials, assets, audit entry, event, the end of the
 * intake, and whatever the caller adds by `within` (closing the connect session). Connecting again finds the living connection of
 * the same tenant, product, app and Meta user, keeps its id and brings it back from `reauth_required`; a revoked one is never found.
 */
@Injectable()
export class ConnectionProvisioner {
  constructor(
    private readonly database: Database,
    private readonly credentials: CredentialWriter,
    private readonly pendingAuthorizations: PendingAuthorizationRepository,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly config: Config,
  ) {}

  /** Throws `ClaimLostError` where the intake is no longer the caller's; then nothing was written. */
  async provision(
    granted: ProvisioningInput,
    within?: (tx: Transaction, connectionId: string) => Promise<void>,
  ): Promise<{ connectionId: string; created: boolean }> {
    return this.database.transaction(async (tx) => {
      await lockMetaUser(tx, granted.appId, granted.metaUserId);
      const existing = await this.findLive(tx, granted);
      const connectionId = existing?.id ?? this.ids.next('con');
      if (existing === undefined) await this.insert(tx, connectionId, granted);
      else await this.update(tx, connectionId, granted);
      await this.replaceCredentialsAndAssets(tx, connectionId, granted);
      await this.pendingAuthorizations.finish(tx, granted.pendingAuthorization);
      await this.record(tx, connectionId, granted, existing);
      await within?.(tx, connectionId);
      return { connectionId, created: existing === undefined };
    });
  }

  private async findLive(
    tx: Transaction,
    { pendingAuthorization, appId, metaUserId }: ProvisioningInput,
  ): Promise<LiveConnectionRow | undefined> {
    const [row] = await tx.rows<LiveConnectionRow>({
      text: `SELECT id, status FROM connection
        WHERE tenant = $1 AND product = $2 AND app_id = $3 AND meta_user_id = $4 AND status <> 'revoked' FOR UPDATE`,
      values: [pendingAuthorization.tenant, pendingAuthorization.product, appId, metaUserId],
    });
    return row;
  }

  private async insert(tx: Transaction, id: string, granted: ProvisioningInput): Promise<void> {
    const { pendingAuthorization } = granted;
    await tx.run({
      text: `INSERT INTO connection (id, tenant, product, flow, status, status_reason, app_id, meta_user_id, scopes, declined_scopes,
          data_access_expires_at, graph_api_version, authorized_at, created_at, updated_at, expiry_notice_due_at, app_scoped_user_id)
        VALUES ($1, $2, $3, $4, $13, $5, $6, $7, $8, $9, $10, $11, $12, $12, $12, $10::timestamptz - interval '336 hours', $14)`,
      values: [
        id,
        pendingAuthorization.tenant,
        pendingAuthorization.product,
        pendingAuthorization.flow,
        reasonJson(granted),
        granted.appId,
        granted.metaUserId,
        granted.scopes,
        granted.declinedScopes,
        granted.dataAccessExpiresAt,
        granted.graphApiVersion,
        this.clock.now(),
        statusOf(granted),
        granted.appScopedUserId ?? null,
      ],
    });
  }

  private async update(tx: Transaction, id: string, granted: ProvisioningInput): Promise<void> {
    await tx.run({
      text: `UPDATE connection SET flow = $2, status = $9, status_reason = $3, scopes = $4, declined_scopes = $5,
          data_access_expires_at = $6, graph_api_version = $7, authorized_at = $8, updated_at = $8,
          app_scoped_user_id = coalesce($10, app_scoped_user_id),
          expiry_notice_due_at = $6::timestamptz - interval '336 hours' WHERE id = $1`,
      values: [
        id,
        granted.pendingAuthorization.flow,
        reasonJson(granted),
        granted.scopes,
        granted.declinedScopes,
        granted.dataAccessExpiresAt,
        granted.graphApiVersion,
        this.clock.now(),
        statusOf(granted),
        granted.appScopedUserId ?? null,
      ],
    });
  }

  /** Fresh versions of what was granted; credentials and assets that the person did not grant this time go. */
  private async replaceCredentialsAndAssets(
    tx: Transaction,
    connectionId: string,
    granted: ProvisioningInput,
  ): Promise<void> {
    const connection = { connectionId, tenant: granted.pendingAuthorization.tenant, appId: granted.appId };
    const now = this.clock.now();
    const beforeExpirySeconds = this.config.refreshBeforeExpirySeconds;
    const kept = await removeAssets(tx, connectionId);
    await tx.run({ text: 'UPDATE credential SET is_root = false WHERE connection_id = $1', values: [connectionId] });
    const rootId = await this.credentials.grant(tx, connection, granted.root, {
      isRoot: true,
      now,
      beforeExpirySeconds,
    });
    const pageIds = new Map<string, string>();
    for (const page of granted.pages) {
      pageIds.set(
        page.subjectId,
        await this.credentials.grant(tx, connection, page, { isRoot: false, now, beforeExpirySeconds }),
      );
    }
    await this.credentials.removeExcept(tx, connectionId, [rootId, ...pageIds.values()]);
    for (const asset of granted.assets) {
      const credentialId = asset.pageId === null ? rootId : (pageIds.get(asset.pageId) ?? rootId);
      await tx.run({
        name: 'asset_insert',
        text: `INSERT INTO asset (connection_id, type, id, name, credential_id, parent_id, details) VALUES ($1, $2, $3, $4, $5, $6, $7)
          ON CONFLICT (connection_id, type, id) DO NOTHING`,
        values: [
          connectionId,
          asset.type,
          asset.id,
          asset.name,
          credentialId,
          asset.parentId,
          detailsJson(asset, kept),
        ],
      });
    }
    await keepFailedRegistrationReason(tx, connectionId, granted, kept);
    // Nothing is renewed while a person has to mend it; the next authorization plans anew.
    if (granted.isUnusable === true)
      await tx.run({
        text: 'UPDATE credential SET refresh_due_at = NULL WHERE connection_id = $1',
        values: [connectionId],
      });
  }

  private async record(
    tx: Transaction,
    connectionId: string,
    granted: ProvisioningInput,
    existing: LiveConnectionRow | undefined,
  ): Promise<void> {
    const { pendingAuthorization } = granted;
    const of = { tenant: pendingAuthorization.tenant, product: pendingAuthorization.product, connectionId };
    await this.audit.record(tx, {
      ...of,
      action: existing === undefined ? 'connection.created' : 'connection.reconnected',
      actor: granted.actor,
      requestId: granted.requestId,
      subjectId: pendingAuthorization.sessionId,
      details: {
        flow: pendingAuthorization.flow,
        scopes: granted.scopes,
        declined_scopes: granted.declinedScopes,
        pages: granted.pages.length,
        assets: granted.assets.length,
        ...(existing === undefined ? {} : { previous_status: existing.status }),
      },
    });
    await this.outbox.add(tx, {
      ...of,
      type: 'connection.created',
      data: {
        connection_id: connectionId,
        tenant: of.tenant,
        product: of.product,
        status: statusOf(granted),
        reconnected: existing !== undefined,
      },
    });
    const { isUnusable, statusReason } = granted;
    if (isUnusable !== true || statusReason === null) return;
    const { code, detail, remedy } = statusReason;
    await this.outbox.add(tx, {
      ...of,
      type: 'connection.reauth_required',
      data: {
        connection_id: connectionId,
        tenant: of.tenant,
        product: of.product,
        status: 'reauth_required',
        reason: { code, detail, remedy },
      },
    });
  }
}

function statusOf({ isUnusable }: ProvisioningInput): ConnectionStatus {
  return isUnusable === true ? 'reauth_required' : 'active';
}

/** Removes all assets; what is known of numbers that were registered here. */
async function removeAssets(tx: Transaction, connectionId: string): Promise<KeptDetails> {
  const rows = await tx.rows<{ type: AssetType; id: string; details: AssetDetails | null }>({
    text: 'DELETE FROM asset WHERE connection_id = $1 RETURNING type, id, details',
    values: [connectionId],
  });
  return new Map(rows.flatMap(({ type, id, details }) => (details === null ? [] : [[`${type} ${id}`, details]])));
}

function detailsJson({ type, id, details }: GrantedAsset, kept: KeptDetails): string | null {
  const registration = kept.get(`${type} ${id}`)?.registration;
  const all = { ...(registration === undefined ? {} : { registration }), ...details };
  return Object.keys(all).length === 0 ? null : JSON.stringify(all);
}

/** A number that could not be registered is not registered by connecting again. Graver reasons stay. */
async function keepFailedRegistrationReason(
  tx: Transaction,
  connectionId: string,
  { assets, statusReason }: ProvisioningInput,
  kept: KeptDetails,
): Promise<void> {
  if (statusReason !== null) return;
  const registrations = assets.flatMap(({ type, id }) => kept.get(`${type} ${id}`)?.registration ?? []);
  const failed = registrations.find(({ status }) => status === 'failed');
  if (failed === undefined) return;
  const { at, detail = '', remedy = '', meta } = failed;
  const reason = {
    code: PHONE_NUMBER_NOT_REGISTERED,
    detail,
    remedy,
    ...(meta === undefined ? {} : { meta }),
    since_at: at,
  };
  await tx.run({
    text: 'UPDATE connection SET status_reason = $2 WHERE id = $1',
    values: [connectionId, JSON.stringify(reason)],
  });
}

function reasonJson({ statusReason }: ProvisioningInput): string | null {
  return statusReason === null ? null : JSON.stringify(statusReason);
}
