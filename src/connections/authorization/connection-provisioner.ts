import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { Clock } from '../../platform/clock.ts';
import { Ids } from '../../platform/ids.ts';
import { Random } from '../../platform/random.ts';
import { type AssetValues, deleteAssets, insertAssets } from '../assets/asset.repository.ts';
import { nextDiscoveryAt } from '../assets/discovery-schedule.ts';
import { requestVerificationElsewhere } from '../assets/moved-asset.repository.ts';
import { scheduleSynchronizationNotices } from '../assets/phone-synchronization.repository.ts';
import { NOTICE_SECONDS } from '../assets/phone-synchronization.ts';
import { reauthRequiredEvent } from '../connection/reauth-required-event.ts';
import { clearRootCredential, stopCredentialRefreshes } from '../credentials/credential.repository.ts';
import { CredentialWriter } from '../credentials/credential-writer.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import type { ConnectionState } from '../status/connection-state.ts';
import { updateStatusReason } from '../status/connection-status.repository.ts';
import {
  type ConnectionChange,
  type ConnectionStatus,
  type DecidedStatus,
  requireNextStatus,
} from '../status/connection-status.ts';
import { firstNoticeAt } from '../status/expiry-notices.ts';
import {
  type ConnectionGrant,
  insertConnection,
  lockLiveConnection,
  reauthorizeConnection,
} from './authorized-connection.repository.ts';
import { failedRegistrationReason, keepDetails, withKeptDetails } from './kept-details.ts';
import { lockMetaUser } from './meta-user-lock.repository.ts';
import { PendingAuthorizationRepository } from './pending-authorization.repository.ts';
import type { GrantedAsset, ProvisioningInput } from './provisioning-input.ts';

interface LiveConnection {
  id: ConnectionId;
  status: ConnectionStatus;
}

/**
 * Turns a pending authorization into a connection in one transaction: connection, sealed credentials, assets, audit
 * entry, event, end of the pending authorization, and whatever `within` writes (closing the connect session).
 * Connecting again finds the live connection of the same tenant, product, app, and Meta user, keeps its id, and brings
 * it back from `reauth_required`. A revoked connection is never reused.
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
    private readonly random: Random,
  ) {}

  /**
   * `verificationCount`: assets of other connections that may have moved here and are now due for inspection. Throws
   * `ClaimLostError` and writes nothing if another replica has taken over the pending authorization.
   */
  async provision(
    granted: ProvisioningInput,
    within?: (tx: Transaction, connectionId: ConnectionId) => Promise<void>,
  ): Promise<{ connectionId: ConnectionId; created: boolean; verificationCount: number }> {
    const { appId, metaUserId, pendingAuthorization } = granted;
    const { tenant, product } = pendingAuthorization;
    const write = async (tx: Transaction): ReturnType<ConnectionProvisioner['provision']> => {
      await lockMetaUser(tx, appId, metaUserId);
      const existing = await lockLiveConnection(tx, { tenant, product, appId, metaUserId });
      const status = requireNextStatus(existing?.status ?? 'new', changeOf(granted));
      const grant = this.toConnectionGrant(existing?.id ?? this.ids.next('con'), status, granted);
      const state =
        existing === null
          ? await insertConnection(tx, { ...grant, tenant, product, appId, metaUserId })
          : await reauthorizeConnection(tx, grant);
      const verificationCount = await this.replaceCredentialsAndAssets(tx, grant.id, granted);
      await this.pendingAuthorizations.finish(tx, pendingAuthorization);
      await this.record(tx, grant.id, state, granted, existing);
      await within?.(tx, grant.id);
      return { connectionId: grant.id, created: existing === null, verificationCount };
    };
    return this.database.durably(() => this.database.longRunning.transaction(write));
  }

  private toConnectionGrant(id: ConnectionId, status: DecidedStatus, granted: ProvisioningInput): ConnectionGrant {
    const now = this.clock.now();
    return {
      id,
      flow: granted.pendingAuthorization.flow,
      status,
      statusReason: granted.statusReason === null ? null : JSON.stringify(granted.statusReason),
      scopes: granted.scopes,
      declinedScopes: granted.declinedScopes,
      dataAccessExpiresAt: granted.dataAccessExpiresAt,
      noticeDueAt: firstNoticeAt(granted.dataAccessExpiresAt),
      graphApiVersion: granted.graphApiVersion,
      appScopedUserId: granted.appScopedUserId ?? null,
      nextDiscoveryAt: nextDiscoveryAt(now, this.random.fraction()),
      reference: granted.description?.reference ?? null,
      metadata: granted.description?.metadata === undefined ? null : JSON.stringify(granted.description.metadata),
      now,
    };
  }

  /**
   * Stores new versions of what was granted; removes credentials and assets not granted this time. Returns how many
   * assets of other connections must be verified because they are here now.
   */
  private async replaceCredentialsAndAssets(
    tx: Transaction,
    connectionId: ConnectionId,
    granted: ProvisioningInput,
  ): Promise<number> {
    const { tenant, product } = granted.pendingAuthorization;
    const connection = { connectionId, tenant, product, appId: granted.appId };
    const now = this.clock.now();
    const { createdAt: signedUpAt } = granted.pendingAuthorization;
    const before = await deleteAssets(tx, connectionId);
    const kept = keepDetails(granted.assets, before, signedUpAt);
    await clearRootCredential(tx, connectionId);
    const { actor, requestId } = granted;
    const options = { now, settings: this.config, by: { actor, requestId } };
    const [rootId = null] = await this.credentials.grant(tx, connection, [granted.root], { ...options, isRoot: true });
    const pageIds = await this.credentials.grant(tx, connection, granted.pages, { ...options, isRoot: false });
    const idByPage = new Map(granted.pages.map(({ subjectId }, index) => [subjectId, pageIds[index] ?? null]));
    await this.credentials.removeExcept(tx, connectionId, [...(rootId === null ? [] : [rootId]), ...pageIds], now);
    const assets = granted.assets.map((asset): AssetValues => {
      const { type, id, name, parentId } = asset;
      const credentialId = credentialOf(asset, rootId, idByPage);
      return { type, id, name, parentId, credentialId, details: withKeptDetails(asset, kept) };
    });
    await insertAssets(tx, connectionId, assets);
    await scheduleSynchronizationNotices(tx, connectionId, NOTICE_SECONDS);
    // More serious reasons stay.
    const reason = granted.statusReason === null ? failedRegistrationReason(kept) : null;
    if (reason !== null) await updateStatusReason(tx, connectionId, reason, now);
    // No refreshes until the user has fixed it; the next authorization schedules them again.
    if (granted.isUnusable === true) await stopCredentialRefreshes(tx, connectionId, now);
    const known = new Set(before.map(keyOf));
    const added = assets.filter((asset) => !known.has(keyOf(asset)));
    return requestVerificationElsewhere(tx, connectionId, added, now);
  }

  private async record(
    tx: Transaction,
    connectionId: ConnectionId,
    { status, generation }: ConnectionState,
    granted: ProvisioningInput,
    existing: LiveConnection | null,
  ): Promise<void> {
    const { pendingAuthorization } = granted;
    const of = { tenant: pendingAuthorization.tenant, product: pendingAuthorization.product, connectionId };
    await this.audit.record(tx, {
      ...of,
      action: existing === null ? 'connection.created' : 'connection.reconnected',
      actor: granted.actor,
      requestId: granted.requestId,
      subjectId: pendingAuthorization.sessionId,
      details: {
        flow: pendingAuthorization.flow,
        scopes: granted.scopes,
        declined_scopes: granted.declinedScopes,
        pages: granted.pages.length,
        assets: granted.assets.length,
        status,
        generation,
        ...(existing === null ? {} : { previous_status: existing.status }),
      },
    });
    await this.outbox.add(tx, {
      ...of,
      type: 'connection.created',
      data: {
        connection_id: connectionId,
        tenant: of.tenant,
        product: of.product,
        status,
        reconnected: existing !== null,
      },
    });
    const { isUnusable, statusReason } = granted;
    if (isUnusable !== true || statusReason === null) return;
    const { code, detail, remedy } = statusReason;
    await this.outbox.add(tx, reauthRequiredEvent(of, { code, detail, remedy }));
  }
}

/** The root credential never replaces a Page's. */
function credentialOf(
  { pageId, isUsable }: GrantedAsset,
  rootId: CredentialId | null,
  idByPage: ReadonlyMap<string, CredentialId | null>,
): CredentialId | null {
  if (isUsable === false) return null;
  return pageId === null ? rootId : (idByPage.get(pageId) ?? null);
}

/** A number under another account is a different asset. */
function keyOf({ type, id, parentId }: Pick<AssetValues, 'type' | 'id' | 'parentId'>): string {
  return `${type} ${id} ${parentId}`;
}

function changeOf({ isUnusable }: ProvisioningInput): ConnectionChange {
  return isUnusable === true ? 'authorized_unusable' : 'authorized';
}
