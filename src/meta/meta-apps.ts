import { Inject, Injectable } from '@nestjs/common';
import { Config, type MetaConfig } from '../config/config.ts';
import type { TokenKind } from '../config/products.ts';
import type { SecretString } from '../platform/secret-string.ts';
import { type GraphHost, type GraphHostName, graphHostDescriptor, resolveGraphHosts } from './graph/graph-host.ts';
import { tokenKind } from './tokens/token-kinds.ts';

/** What an app is chosen by: a connection, or what is to become one. */
interface AppSubject {
  tenant: string;
  product: string;
  /** The id that the connection was made under; absent before there is one. */
  appId?: string;
}

/** Who may have signed what Meta sends. */
export interface AppSigner {
  appId: string;
  secret: SecretString;
}

/** The objects of webhooks that concern users of Meta's, whichever of our apps they use. */
const USER_OBJECTS = ['permissions', 'user'];
const INSTAGRAM_OBJECTS: ReadonlySet<string> = new Set([...USER_OBJECTS, 'instagram']);
const THREADS_OBJECTS: ReadonlySet<string> = new Set([...USER_OBJECTS, 'threads']);

/** A Meta app with the Instagram and Threads apps inside it, and the addresses that it is called at. */
export class MetaApp {
  readonly #hosts: Readonly<Record<GraphHostName, GraphHost>>;

  constructor(readonly config: MetaConfig) {
    this.#hosts = resolveGraphHosts(config);
  }

  /** Of the Meta app itself. */
  get id(): string {
    return this.config.app.id;
  }

  /** Of the Instagram and Threads apps, as far as they are configured. */
  get innerAppIds(): string[] {
    const { instagramApp, threadsApp } = this.config;
    return [...new Set([instagramApp, threadsApp].flatMap((app) => app?.id ?? []))];
  }

  /** All ids that tokens of this app may belong to, without repeats. */
  get appIds(): string[] {
    return [...new Set([this.id, ...this.innerAppIds])];
  }

  /**
   * Whether the secret of one of its apps may speak of this kind of object: those of the Instagram and Threads apps only of what such an app
   * can own, and of users.
   */
  maySpeakOf(appId: string, object: string): boolean {
    const { app, instagramApp, threadsApp } = this.config;
    if (appId === app.id) return true;
    if (appId === instagramApp?.id && INSTAGRAM_OBJECTS.has(object)) return true;
    return appId === threadsApp?.id && THREADS_OBJECTS.has(object);
  }

  /** The apps whose users an app may speak of: the Meta app of those of the apps inside it as well, each other one of its own. */
  appsSpokenFor(appId: string): string[] {
    return appId === this.id ? this.appIds : [appId];
  }

  host(name: GraphHostName): GraphHost {
    return this.#hosts[name];
  }

  /** The host where tokens of this kind work. */
  hostOf(kind: TokenKind): GraphHost {
    return this.host(tokenKind(kind).host);
  }

  /** Whether the app that a token belongs to is the one that is configured for its kind: other apps' ids and secrets are of no use to it. */
  serves({ appId, kind }: { appId: string; kind: TokenKind }): boolean {
    return this.hostOf(kind).app?.id === appId;
  }

  /** The app ids that `debug_token` on this host may name for tokens of ours. */
  inspectableAppIds(name: GraphHostName): string[] {
    return graphHostDescriptor(name).inspectableApps.flatMap((role) => this.config[role]?.id ?? []);
  }

  /** Every secret that may have signed a webhook or signed_request, with the app it belongs to; the previous one, too. */
  get signers(): AppSigner[] {
    const { app, instagramApp, threadsApp, previousAppSecret } = this.config;
    const previous = previousAppSecret === null ? [] : [{ appId: app.id, secret: previousAppSecret }];
    const current = [app, instagramApp, threadsApp].flatMap((each) =>
      each === null ? [] : [{ appId: each.id, secret: each.secret }],
    );
    return [...previous, ...current];
  }
}

/** Which of our Meta apps a call belongs to: decided here and nowhere else. One app is configured so far, so it is always that one. */
@Injectable()
export class MetaApps {
  /** For what belongs to no connection: checks of the settings, and the configuration of front ends. */
  readonly primary: MetaApp;

  constructor(@Inject(Config) config: Pick<Config, 'meta'>) {
    this.primary = new MetaApp(config.meta);
  }

  /** The app of a connection. */
  for(_subject: AppSubject): MetaApp {
    return this.primary;
  }

  get all(): readonly MetaApp[] {
    return [this.primary];
  }

  /** The ids of all apps that tokens may belong to, without repeats. */
  get appIds(): string[] {
    return [...new Set(this.all.flatMap(({ appIds }) => appIds))];
  }

  /** The ids of the apps that count at this host. */
  idsAt(host: GraphHostName): string[] {
    return [...new Set(this.all.flatMap((app) => app.host(host).app?.id ?? []))];
  }

  /** Whether one of the apps that signed a delivery may speak of this kind of object. */
  maySpeakOf(signedBy: readonly string[], object: string): boolean {
    return this.all.some((app) =>
      signedBy.some((appId) => app.appIds.includes(appId) && app.maySpeakOf(appId, object)),
    );
  }

  /** The apps whose users the apps that signed a delivery may speak of. */
  appsSpokenFor(signedBy: readonly string[]): string[] {
    const ofApp = (app: MetaApp) =>
      signedBy.filter((appId) => app.appIds.includes(appId)).flatMap((appId) => app.appsSpokenFor(appId));
    return [...new Set(this.all.flatMap(ofApp))];
  }

  /** Whether a credential's app is configured here, as `MetaApp.serves`. */
  serves(credential: { appId: string; kind: TokenKind }): boolean {
    return this.all.some((app) => app.serves(credential));
  }

  /** Every secret that may have signed a webhook, with its app. */
  get signers(): AppSigner[] {
    return this.all.flatMap(({ signers }) => signers);
  }
}
