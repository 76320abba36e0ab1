import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/actor.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { Database, type Transaction } from '../database/database.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { AppError, invalidInputError } from '../platform/problem.ts';
import { Random } from '../platform/random.ts';
import { SecretString } from '../platform/secret-string.ts';
import { AppRepository } from './app.repository.ts';
import { onlyTenant, requireOwnApp, requireServesOnly, servesOnly } from './app-access.ts';
import { type AppChange, applyChange, describeChanges, type NewApp, newSecrets } from './app-changes.ts';
import { AppCheckService } from './app-check.service.ts';
import { countConnectionsOfApps } from './app-connections.query.ts';
import { AppFailures } from './app-failures.service.ts';
import { countPendingOfApp } from './app-pending.query.ts';
import { appExists, appInEnvironment, appInUse, appNotFound } from './app-problems.ts';
import { AppRegistry } from './app-registry.ts';
import { type AppRow, idsOf } from './app-row.ts';
import { AppSecretStore, type AppSecrets } from './app-secret-store.ts';

/** Who changes an app, for the audit record, and the tenants whose apps they may change; null means all. */
export interface AppEdit {
  tenants: readonly string[] | null;
  actor: Actor;
  requestId: string | null;
}

/** Manages Meta apps. Meta is asked before anything is stored; every change commits with its audit entry. */
@Injectable()
export class AppsService {
  constructor(
    private readonly database: Database,
    private readonly repository: AppRepository,
    private readonly secrets: AppSecretStore,
    private readonly registry: AppRegistry,
    private readonly checks: AppCheckService,
    private readonly failures: AppFailures,
    private readonly apps: MetaApps,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /**
   * Returns the app and its verify token, which is shown only once. Throws 403 `not_allowed`, 409 `app_exists` or
   * `app_rejected`, 503 `meta_unavailable`.
   */
  async create(given: NewApp, { tenants, ...by }: AppEdit): Promise<{ app: AppRow; verifyToken: SecretString }> {
    requireServesOnly(given, tenants);
    const now = this.clock.now();
    const verifyToken = given.verifyToken ?? new SecretString(this.random.bytes(24).toString('base64url'));
    const draft: AppRow = {
      app_id: given.appId,
      name: given.name,
      tenants: given.tenants,
      instagram_app_id: given.instagram?.id ?? null,
      threads_app_id: given.threads?.id ?? null,
      login_config_ids: given.loginConfigIds,
      graph_api_version: given.graphApiVersion,
      secret_ids: {},
      previous_secret_until: null,
      version: 1,
      created_at: now,
      updated_at: now,
    };
    const secrets: AppSecrets = { app_secret: given.secret, ...newSecrets({ ...given, verifyToken }) };
    await this.requireNewIds(this.database, idsOf(draft), null);
    await this.checks.requireAccepted(this.registry.configOf(draft, draft, secrets));
    const app = await this.database.transaction(async (tx) => {
      await this.repository.lockIds(tx);
      await this.requireNewIds(tx, idsOf(draft), null);
      const row = { ...draft, secret_ids: await this.secrets.seal(tx, draft.app_id, secrets) };
      await this.repository.insert(tx, row);
      const { app_id: subjectId, secret_ids: _, version: __, created_at: ___, updated_at: ____, ...details } = row;
      await this.audit.record(tx, { ...by, action: 'app.created', tenant: onlyTenant(row), subjectId, details });
      return row;
    });
    return { app, verifyToken };
  }

  /**
   * Throws 404 `app_not_found`; 403 `not_allowed`; 409 `app_in_environment`, `app_exists`, `app_in_use` or
   * `app_rejected`; 503 `meta_unavailable`.
   */
  async change(appId: string, change: AppChange, { tenants, ...by }: AppEdit): Promise<AppRow> {
    this.requireChangeable(appId, tenants);
    const secrets = newSecrets(change);
    const known = await this.get(appId, tenants);
    requireServesOnly(applyChange(known, change), tenants);
    if (change.instagram || change.threads || change.graphApiVersion !== undefined) {
      const opened = await this.secrets.openCurrent(this.database, known, () => this.get(appId, tenants));
      if (opened === null) throw new AppError(appNotFound);
      const draft = applyChange(opened.row, change);
      await this.checks.requireAccepted(this.registry.configOf(draft, draft, { ...opened.secrets, ...secrets }));
    }
    return this.database.transaction(async (tx) => {
      await this.repository.lockIds(tx);
      const before = await this.lock(tx, appId, tenants);
      const draft = applyChange(before, change);
      await this.requireNewIds(tx, idsOf(draft), appId);
      await this.requireUnused(
        tx,
        idsOf(before).filter((id) => !idsOf(draft).includes(id)),
      );
      const changes = describeChanges(before, draft, secrets);
      if (Object.keys(changes).length === 0) return before;
      const secretIds = { ...draft.secret_ids, ...(await this.secrets.seal(tx, appId, secrets)) };
      const after = await this.store(tx, { ...draft, secret_ids: secretIds }, before);
      // The entry also shows which tenants the app served before.
      const tenant = onlyTenant(before) === onlyTenant(after) ? onlyTenant(after) : null;
      await this.audit.record(tx, { ...by, action: 'app.changed', tenant, subjectId: appId, details: { changes } });
      return after;
    });
  }

  /**
   * Replaces the app's secret, with effect from the next call. The old one may still sign for `graceSeconds`. Throws
   * 404 `app_not_found`, 403 `not_allowed`, 409 `app_in_environment` or `app_rejected`, 503 `meta_unavailable`.
   */
  async rotateSecret(
    appId: string,
    secret: SecretString,
    graceSeconds: number,
    { tenants, ...by }: AppEdit,
  ): Promise<AppRow> {
    this.requireChangeable(appId, tenants);
    const known = await this.get(appId, tenants);
    await this.checks.requireAccepted(this.registry.configOf(known, known, { app_secret: secret }));
    return this.database.transaction(async (tx) => {
      const before = await this.lock(tx, appId, tenants);
      const { app_secret: current } = await this.secrets.open(tx, before);
      const { previous_app_secret: _, ...kept } = before.secret_ids;
      // Sending the same secret again is not a rotation: the current secret must not replace the one that may sign
      // during the grace period.
      const isSame = current?.expose() === secret.expose();
      const keepsOld = graceSeconds > 0 && current !== undefined && !isSame;
      const sealed = await this.secrets.seal(tx, appId, {
        app_secret: secret,
        ...(keepsOld ? { previous_app_secret: current } : {}),
      });
      const previous = isSame && graceSeconds > 0 ? before : null;
      const previousId = previous?.secret_ids.previous_app_secret;
      const after = {
        ...before,
        secret_ids: { ...kept, ...sealed, ...(previousId === undefined ? {} : { previous_app_secret: previousId }) },
        previous_secret_until: keepsOld
          ? addSeconds(this.clock.now(), graceSeconds)
          : (previous?.previous_secret_until ?? null),
      };
      const stored = await this.store(tx, after, before);
      const details = { grace_seconds: graceSeconds };
      const tenant = onlyTenant(before);
      await this.audit.record(tx, { ...by, action: 'app.secret_rotated', tenant, subjectId: appId, details });
      return stored;
    });
  }

  /**
   * Deletes an app with its secrets, if there is one. Throws 404 `app_not_found` for one of other tenants, 403
   * `not_allowed`, 409 `app_in_environment` or `app_in_use`.
   */
  async delete(appId: string, { tenants, ...by }: AppEdit): Promise<void> {
    this.requireChangeable(appId, tenants);
    await this.database.transaction(async (tx) => {
      const row = await this.repository.lock(tx, appId);
      if (row === null) return;
      await requireOwnApp(tx, row, tenants);
      await this.requireUnused(tx, idsOf(row));
      if ((await countPendingOfApp(tx, appId)) > 0)
        throw new AppError(appInUse, { detail: 'A login under this app is still being finished. Try again later.' });
      await this.repository.delete(tx, appId);
      await this.secrets.destroyReplaced(tx, row.secret_ids, {});
      await this.failures.forget(tx, idsOf(row));
      const details = { name: row.name };
      await this.audit.record(tx, { ...by, action: 'app.deleted', tenant: onlyTenant(row), subjectId: appId, details });
    });
  }

  /** Throws 404 `app_not_found`, also for an app that serves tenants other than `tenants` (null: all). */
  async get(appId: string, tenants: readonly string[] | null): Promise<AppRow> {
    const row = await this.repository.find(this.database, appId);
    if (row === null || !servesOnly(row, tenants)) throw new AppError(appNotFound);
    return row;
  }

  /** Up to `limit` apps after the id `after` that serve only `tenants`; null means all. */
  list(after: string, limit: number, tenants: readonly string[] | null): Promise<AppRow[]> {
    return this.repository.list(this.database, after, limit, tenants);
  }

  /** Connections of `tenants` (null: all) that are not revoked, by the app id of their tokens. */
  countConnections(ids: readonly string[], tenants: readonly string[] | null): Promise<ReadonlyMap<string, number>> {
    return countConnectionsOfApps(this.database, ids, tenants);
  }

  private async store(tx: Transaction, changed: AppRow, before: AppRow): Promise<AppRow> {
    const after = { ...changed, version: before.version + 1, updated_at: this.clock.now() };
    await this.repository.update(tx, after);
    await this.secrets.destroyReplaced(tx, before.secret_ids, after.secret_ids);
    await this.failures.forget(tx, idsOf(before));
    return after;
  }

  private requireChangeable(appId: string, tenants: readonly string[] | null): void {
    if (appId === this.apps.primary.id) throw new AppError(tenants === null ? appInEnvironment : appNotFound);
  }

  /** Locks an app for a change. Throws 404 `app_not_found`, 403 `not_allowed`. */
  private async lock(tx: Transaction, appId: string, tenants: readonly string[] | null): Promise<AppRow> {
    const row = await this.repository.lock(tx, appId);
    if (row === null) throw new AppError(appNotFound);
    await requireOwnApp(tx, row, tenants);
    return row;
  }

  /** Throws 409 `app_exists` if another app has one of the ids, 400 if the app itself names one twice. */
  private async requireNewIds(
    executor: Database | Transaction,
    ids: readonly string[],
    own: string | null,
  ): Promise<void> {
    if (new Set(ids).size < ids.length) throw invalidInputError('app_id', 'is also the id of an inner app');
    const rows = await this.repository.findByAnyId(executor, ids);
    const isTaken = rows.some(({ app_id: id }) => id !== own);
    const isOwn = ids.some((id) => this.apps.primary.appIds.includes(id));
    if (isTaken || isOwn) throw new AppError(appExists);
  }

  private async requireUnused(tx: Transaction, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const count = [...(await countConnectionsOfApps(tx, ids, null)).values()].reduce((sum, each) => sum + each, 0);
    if (count === 0) return;
    throw new AppError(appInUse, { detail: `${count} connections that are not revoked still use this app.` });
  }
}
