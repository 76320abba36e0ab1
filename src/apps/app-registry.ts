import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type AppCredentials, Config, type MetaConfig } from '../config/config.ts';
import type { TokenKind } from '../config/products.ts';
import { Batcher } from '../database/batcher.ts';
import { Database } from '../database/database.ts';
import { graphHostDescriptor } from '../meta/graph/graph-host.ts';
import { MetaApp, MetaApps } from '../meta/meta-apps.ts';
import { tokenKind } from '../meta/tokens/token-kinds.ts';
import { cacheSize } from '../platform/cache-size.ts';
import { Clock } from '../platform/clock.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { AppRepository } from './app.repository.ts';
import type { AppRow, StoredAppRow } from './app-row.ts';
import { AppSecretStore, type AppSecrets } from './app-secret-store.ts';

/** Apps with opened secrets, per replica. */
const MAX_OPENED = 500;
const OPENED_MS = 5 * 60_000;

interface OpenedApp {
  app: MetaApp;
  /** The row's MAC, which shows any change of the row. */
  mac: Buffer;
  /** When its previous secret expires. */
  validUntil: Date | null;
}

/**
 * Finds Meta apps in the database, in addition to the environment's. Reads an app's row on every call, so that a change
 * takes effect with the next call on every replica. Keeps a bounded number of apps open for minutes, each only while
 * that read shows it unchanged.
 */
@Injectable()
export class AppRegistry extends MetaApps {
  readonly #opened = new LRUCache<string, OpenedApp>({ ...cacheSize(MAX_OPENED), ttl: OPENED_MS, ttlAutopurge: true });
  /** Ids of opened apps, by the ids of their inner apps. */
  readonly #owners = new LRUCache<string, string>(cacheSize(2 * MAX_OPENED));
  readonly #rows: Batcher<string, StoredAppRow | null>;

  constructor(
    @Inject(Config) private readonly config: Config,
    private readonly database: Database,
    private readonly repository: AppRepository,
    private readonly secrets: AppSecretStore,
    private readonly clock: Clock,
  ) {
    super(config);
    this.#rows = new Batcher((ids) => this.read(ids), {
      maxSize: 64,
      maxInFlight: 2,
      deadline: database.failFast.deadline,
    });
  }

  override async find(appId: string, version?: Buffer | null): Promise<MetaApp | null> {
    if (this.primary.appIds.includes(appId)) return this.primary;
    if (version === null) return null;
    if (version !== undefined) {
      const known = this.#opened.get(this.#owners.get(appId) ?? appId);
      if (known !== undefined && this.isCurrent(known, version)) return known.app;
    }
    const row = await this.#rows.submit(appId);
    if (row === null || row.mac === null) return null;
    const known = this.#opened.get(row.app_id);
    return known !== undefined && this.isCurrent(known, row.mac) ? known.app : this.openVerified(row);
  }

  /** Opens no secret. */
  override async serves({ appId, kind }: { appId: string; kind: TokenKind }): Promise<boolean> {
    if (this.primary.appIds.includes(appId)) return this.primary.serves({ appId, kind });
    const row = this.repository.accept(await this.#rows.submit(appId));
    return row !== null && row[ID_COLUMNS[graphHostDescriptor(tokenKind(kind).host).appRole]] === appId;
  }

  private isCurrent({ mac, validUntil }: OpenedApp, version: Buffer): boolean {
    return mac.equals(version) && (validUntil === null || validUntil > this.clock.now());
  }

  /** Returns the settings of an app with the given secrets. */
  configOf(row: Pick<AppRow, 'login_config_ids' | 'graph_api_version'>, ids: AppIds, secrets: AppSecrets): MetaConfig {
    return {
      ...this.config.meta,
      app: { id: ids.app_id, secret: required(secrets.app_secret) },
      instagramApp: toCredentials(ids.instagram_app_id, secrets.instagram_app_secret),
      threadsApp: toCredentials(ids.threads_app_id, secrets.threads_app_secret),
      previousAppSecret: secrets.previous_app_secret ?? null,
      graphApiVersion: row.graph_api_version ?? this.config.meta.graphApiVersion,
      loginConfigIds: row.login_config_ids,
      webhookVerifyToken: secrets.webhook_verify_token ?? null,
    };
  }

  private async openVerified(stored: StoredAppRow): Promise<MetaApp | null> {
    const accepted = this.repository.accept(stored);
    if (accepted === null) return null;
    const read = async () => this.repository.accept(await this.#rows.submit(accepted.app_id));
    const opened = await this.secrets.openCurrent(this.database, accepted, read);
    if (opened === null) return null;
    const { row } = opened;
    if (row.mac === null) return null;
    const { previous_app_secret: previous, ...secrets } = opened.secrets;
    const until = row.previous_secret_until;
    const hasPrevious = previous !== undefined && until !== null && until > this.clock.now();
    const config = this.configOf(row, row, hasPrevious ? { ...secrets, previous_app_secret: previous } : secrets);
    const app = new MetaApp(config, 'api');
    for (const id of app.innerAppIds) this.#owners.set(id, row.app_id);
    this.#opened.set(row.app_id, { app, mac: row.mac, validUntil: hasPrevious ? until : null });
    return app;
  }

  /** Concurrent calls share one statement. */
  private async read(ids: readonly string[]): Promise<(StoredAppRow | null)[]> {
    const rows = await this.repository.findByAnyId(this.database.failFast, [...new Set(ids)]);
    return ids.map((id) => rows.find((row) => hasId(row, id)) ?? null);
  }
}

const ID_COLUMNS = { app: 'app_id', instagramApp: 'instagram_app_id', threadsApp: 'threads_app_id' } as const;

type AppIds = Pick<AppRow, 'app_id' | 'instagram_app_id' | 'threads_app_id'>;

function hasId(row: AppIds, id: string): boolean {
  return row.app_id === id || row.instagram_app_id === id || row.threads_app_id === id;
}

function toCredentials(id: string | null, secret: SecretString | undefined): AppCredentials | null {
  return id === null || secret === undefined ? null : { id, secret };
}

function required(secret: SecretString | undefined): SecretString {
  if (secret === undefined) throw new Error('the sealed secret of a Meta app is gone');
  return secret;
}
