import { Inject, Injectable } from '@nestjs/common';
import { Config, type MetaConfig } from '../config/config.ts';
import type { TokenKind } from '../config/products.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { type GraphHost, type GraphHostName, graphHostDescriptor, resolveGraphHosts } from './graph/graph-host.ts';
import { tokenKind } from './tokens/token-kinds.ts';

/** An app that may sign Meta's webhooks and signed requests. */
export interface AppSigner {
  appId: string;
  secret: SecretString;
}

/** Where an app's settings come from. */
export const APP_SOURCES = ['environment', 'api'] as const;
export type AppSource = (typeof APP_SOURCES)[number];

/** Webhook objects about users, which every app may send. */
const USER_OBJECTS = ['permissions', 'user'];
const INSTAGRAM_OBJECTS: ReadonlySet<string> = new Set([...USER_OBJECTS, 'instagram']);
const THREADS_OBJECTS: ReadonlySet<string> = new Set([...USER_OBJECTS, 'threads']);

/** A Meta app with its Instagram and Threads apps, and the hosts to call. */
export class MetaApp {
  readonly #hosts: Readonly<Record<GraphHostName, GraphHost>>;

  constructor(
    readonly config: MetaConfig,
    readonly source: AppSource = 'environment',
  ) {
    this.#hosts = resolveGraphHosts(config);
  }

  /** Id of the Meta app itself. */
  get id(): string {
    return this.config.app.id;
  }

  /** Ids of the configured Instagram and Threads apps. */
  get innerAppIds(): string[] {
    const { instagramApp, threadsApp } = this.config;
    return [...new Set([instagramApp, threadsApp].flatMap((app) => app?.id ?? []))];
  }

  /** All app ids that tokens may belong to, without duplicates. */
  get appIds(): string[] {
    return [...new Set([this.id, ...this.innerAppIds])];
  }

  /**
   * Whether webhooks signed by this app may concern this kind of object. The Instagram and Threads apps may only sign
   * for users and for their own kind of object.
   */
  maySpeakOf(appId: string, object: string): boolean {
    const { app, instagramApp, threadsApp } = this.config;
    if (appId === app.id) return true;
    if (appId === instagramApp?.id && INSTAGRAM_OBJECTS.has(object)) return true;
    return appId === threadsApp?.id && THREADS_OBJECTS.has(object);
  }

  /** Whether one of its apps that signed a delivery may send this kind of object. */
  maySend(signedBy: readonly string[], object: string): boolean {
    return signedBy.some((appId) => this.maySpeakOf(appId, object));
  }

  /**
   * Apps whose users this app may sign for: the Meta app covers its Instagram and Threads apps, these only themselves.
   */
  appsSpokenFor(appId: string): string[] {
    return appId === this.id ? this.appIds : [appId];
  }

  /** Apps whose users the apps that signed a delivery may speak for. */
  appsSpokenForBy(signedBy: readonly string[]): string[] {
    return [...new Set(signedBy.flatMap((appId) => this.appsSpokenFor(appId)))];
  }

  host(name: GraphHostName): GraphHost {
    return this.#hosts[name];
  }

  /** The host that accepts tokens of this kind. */
  hostOf(kind: TokenKind): GraphHost {
    return this.host(tokenKind(kind).host);
  }

  /** Whether a token belongs to the app configured for its kind. No other app's id and secret work for it. */
  serves({ appId, kind }: { appId: string; kind: TokenKind }): boolean {
    return this.hostOf(kind).app?.id === appId;
  }

  /** App ids that `debug_token` on this host may name for our tokens. */
  inspectableAppIds(name: GraphHostName): string[] {
    return graphHostDescriptor(name).inspectableApps.flatMap((role) => this.config[role]?.id ?? []);
  }

  /** Every secret that may have signed a webhook or signed_request, including the previous one, with its app. */
  get signers(): AppSigner[] {
    const { app, instagramApp, threadsApp, previousAppSecret } = this.config;
    const previous = previousAppSecret === null ? [] : [{ appId: app.id, secret: previousAppSecret }];
    const current = [app, instagramApp, threadsApp].flatMap((each) =>
      each === null ? [] : [{ appId: each.id, secret: each.secret }],
    );
    return [...previous, ...current];
  }
}

/** Finds the Meta app that a token or a login belongs to. This class knows only the environment's app. */
@Injectable()
export class MetaApps {
  /** The environment's app, used where no other app applies. */
  readonly primary: MetaApp;

  constructor(@Inject(Config) config: Pick<Config, 'meta'>) {
    this.primary = new MetaApp(config.meta);
  }

  /**
   * Returns the app that has this id, as Meta app or as its Instagram or Threads app, in its current state; null if
   * there is none. The same object until it changes. `version`: the app's current version, as a statement has just read
   * it.
   */
  async find(appId: string, _version?: Buffer | null): Promise<MetaApp | null> {
    return this.primary.appIds.includes(appId) ? this.primary : null;
  }

  /** Returns the app whose own id this is, not the id of an inner app; null id: the environment's app. */
  async findOwn(appId: string | null): Promise<MetaApp | null> {
    if (appId === null) return this.primary;
    const app = await this.find(appId);
    return app?.id === appId ? app : null;
  }

  /** Whether a credential's app is configured here; see `MetaApp.serves`. */
  async serves(credential: { appId: string; kind: TokenKind }): Promise<boolean> {
    return (await this.find(credential.appId))?.serves(credential) ?? false;
  }
}
