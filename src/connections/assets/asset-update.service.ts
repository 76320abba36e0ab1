import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Config } from '../../config/config.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { addSeconds, Clock } from '../../platform/clock.ts';
import { Random } from '../../platform/random.ts';
import type { GrantedAsset } from '../authorization/provisioning-input.ts';
import { CredentialWriter, type GrantedCredential } from '../credentials/credential-writer.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { updateStatusReason } from '../status/connection-status.repository.ts';
import { type DeathReason, DISCOVERY_FINDINGS } from '../status/status-reason.ts';
import { claimInTurn, TenantTurns } from '../tenant-turn.ts';
import { type AssetValues, deleteSomeAssets, insertAssets, listAssets, updateAssets } from './asset.repository.ts';
import { type AssetChanges, type AssetCoverage, diffAssets } from './asset-changes.ts';
import {
  type Authorization,
  claimDueDiscoveries,
  listPageCredentials,
  lockAuthorization,
  scheduleDiscovery,
  touchConnection,
  visitDueDiscoveries,
} from './discovery-due.repository.ts';
import { discoveryRetryAt, nextDiscoveryAt } from './discovery-schedule.ts';
import { requestVerificationElsewhere } from './moved-asset.repository.ts';

/** After this long, another replica takes over a rediscovery whose replica died. */
const CLAIM_SECONDS = 900;
/** Per list in an event. */
const MAX_LISTED = 100;

/** The connection when Meta was asked. A later login is newer than Meta's answer. */
export type DiscoveryBasis = Pick<Authorization, 'authorizedAt' | 'rootId'> & { assets: AssetValues[] };

/** What a rediscovery found. */
export interface ReachedAssets {
  pages: GrantedCredential[];
  assets: GrantedAsset[];
  /** Null: an asset's absence means nothing. */
  coverage: AssetCoverage | null;
  warning: DeathReason | null;
}

interface Initiator {
  actor: Actor;
  requestId: string | null;
}

/** Schedules rediscoveries and applies them to assets, Page credentials, and the connection's status reason. */
@Injectable()
export class AssetUpdateService {
  private readonly turns = new TenantTurns();

  constructor(
    private readonly database: Database,
    private readonly credentials: CredentialWriter,
    private readonly audit: AuditLog,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly config: Config,
  ) {}

  /** Claims an app's due rediscoveries, tenants taking turns, longest due first within each. */
  async claimDue(appId: string, limit: number): Promise<ConnectionId[]> {
    const now = this.clock.now();
    const claimedUntil = addSeconds(now, CLAIM_SECONDS);
    const claimed = await claimInTurn(this.turns.of('discovery', appId), limit, {
      visit: (from) => visitDueDiscoveries(this.database, { appId, now, from }),
      claim: (shares) => claimDueDiscoveries(this.database, { ...shares, appId, now, claimedUntil }),
      tenantOf: ({ tenant }) => tenant,
    });
    return claimed.map(({ id }) => id);
  }

  /** Reschedules after Meta could not be asked. */
  async postpone(connectionId: ConnectionId): Promise<void> {
    await scheduleDiscovery(this.database, connectionId, discoveryRetryAt(this.clock.now(), this.random.fraction()));
  }

  /** Null if there is nothing to rediscover: no such connection, or not active. */
  async findBasis(connectionId: ConnectionId): Promise<DiscoveryBasis | null> {
    return this.database.transaction(async (tx) => {
      const authorization = await lockAuthorization(tx, connectionId);
      if (authorization?.status !== 'active') return null;
      return { ...authorization, assets: await listAssets(tx, connectionId) };
    });
  }

  /**
   * Applies what was found and schedules the next rediscovery. Changes nothing if the user has logged in again or the
   * connection has ended.
   */
  async apply(connectionId: ConnectionId, basis: DiscoveryBasis, found: ReachedAssets, by: Initiator): Promise<void> {
    await this.database.transaction(async (tx) => {
      const now = this.clock.now();
      const authorization = await lockAuthorization(tx, connectionId);
      if (authorization === null) return;
      await scheduleDiscovery(tx, connectionId, nextDiscoveryAt(now, this.random.fraction()));
      const isSame =
        authorization.authorizedAt.getTime() === basis.authorizedAt.getTime() && authorization.rootId === basis.rootId;
      if (authorization.status !== 'active' || !isSame) return;
      const known = await listAssets(tx, connectionId);
      const { byPage, unused } = await this.grantPages(tx, connectionId, authorization, found.pages, by);
      const sources = { rootId: authorization.rootId, byPage };
      const changes = diffAssets(known, found.assets, found.coverage, sources, now);
      await this.write(tx, connectionId, changes);
      await this.removeUnused(tx, connectionId, unused);
      await this.updateReason(tx, connectionId, authorization, found, now);
      const total = known.length + changes.added.length - changes.removed.length;
      await this.record(tx, connectionId, authorization, changes, total, by);
    });
  }

  /** Grants credentials to Pages without a working one. `unused`: broken credentials that nothing replaced. */
  private async grantPages(
    tx: Transaction,
    connectionId: ConnectionId,
    { tenant, product, appId }: Authorization,
    pages: readonly GrantedCredential[],
    by: Initiator,
  ): Promise<{ byPage: Map<string, CredentialId>; unused: CredentialId[] }> {
    const existing = await listPageCredentials(tx, connectionId);
    const byPage = new Map(existing.flatMap(({ id, pageId, works }) => (works ? [[pageId, id] as const] : [])));
    const missing = pages.filter(({ subjectId }) => !byPage.has(subjectId));
    const options = {
      isRoot: false,
      now: this.clock.now(),
      settings: this.config,
      by,
    };
    const ids = await this.credentials.grant(tx, { connectionId, tenant, product, appId }, missing, options);
    missing.forEach(({ subjectId }, index) => {
      const id = ids[index];
      if (id !== undefined) byPage.set(subjectId, id);
    });
    const kept = new Set(byPage.values());
    return { byPage, unused: existing.flatMap(({ id }) => (kept.has(id) ? [] : [id])) };
  }

  private async write(tx: Transaction, connectionId: ConnectionId, changes: AssetChanges): Promise<void> {
    await deleteSomeAssets(tx, connectionId, changes.removed);
    await insertAssets(tx, connectionId, changes.added);
    await updateAssets(tx, connectionId, changes.changed);
    await requestVerificationElsewhere(tx, connectionId, changes.added, this.clock.now());
  }

  /**
   * Removes credentials of Pages that are gone or yield no token, except those still referenced by assets that could
   * not be read.
   */
  private async removeUnused(tx: Transaction, connectionId: ConnectionId, dead: CredentialId[]): Promise<void> {
    const assets = await listAssets(tx, connectionId);
    const referred = new Set(assets.map(({ credentialId }) => credentialId));
    const pages = new Set(assets.flatMap(({ type, id }) => (type === 'page' ? [id] : [])));
    const orphans = (await listPageCredentials(tx, connectionId)).filter(
      ({ id, pageId }) => !referred.has(id) && (dead.includes(id) || !pages.has(pageId)),
    );
    await this.credentials.remove(
      tx,
      orphans.map(({ id }) => id),
    );
  }

  /** Changes only reasons that discovery itself causes; more serious ones stay. */
  private async updateReason(
    tx: Transaction,
    connectionId: ConnectionId,
    { statusReason: current }: Authorization,
    { coverage, warning }: ReachedAssets,
    now: Date,
  ): Promise<void> {
    if (coverage?.isComplete !== true || current?.code === warning?.code) return;
    if (current !== null && !DISCOVERY_FINDINGS.includes(current.code)) return;
    if (warning !== null && !DISCOVERY_FINDINGS.includes(warning.code)) return;
    const reason = warning === null ? null : { ...warning, since_at: now.toISOString() };
    await updateStatusReason(tx, connectionId, reason, now);
  }

  private async record(
    tx: Transaction,
    connectionId: ConnectionId,
    { tenant, product, status }: Authorization,
    { added, changed, removed }: AssetChanges,
    total: number,
    { actor, requestId }: Initiator,
  ): Promise<void> {
    if (added.length + changed.length + removed.length === 0) return;
    await touchConnection(tx, connectionId, this.clock.now());
    const counts = { added: added.length, changed: changed.length, removed: removed.length, assets: total };
    const place = { tenant, product, connectionId };
    const action = 'connection.assets_changed';
    await this.audit.record(tx, { ...place, action, actor, requestId, subjectId: connectionId, details: counts });
    await this.outbox.add(tx, {
      ...place,
      type: 'connection.assets_changed',
      data: {
        connection_id: connectionId,
        tenant,
        product,
        status,
        added: added.slice(0, MAX_LISTED).map(describe),
        changed: changed.slice(0, MAX_LISTED).map(describe),
        removed: removed.slice(0, MAX_LISTED).map(({ type, id }) => ({ type, id })),
        counts,
      },
    });
  }
}

function describe({ type, id, name, credentialId }: AssetValues): object {
  return { type, id, name, usable: credentialId !== null };
}
