import { Inject, Injectable } from '@nestjs/common';
import { Config, type MetaConfig } from '../config/config.ts';
import type { TokenKind } from '../config/products.ts';
import { SecretString } from '../platform/secret-string.ts';
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
interface AppSigner {
  appId: string;
  secret: SecretString;
}

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

  /** Of the Instagram and Threads apps, which may be the Meta app's own. */
  get innerAppIds(): string[] {
    return [...new Set([this.config.instagramApp.id, this.config.threadsApp.id])];
  }

  /** All ids that tokens of this app may belong to, without repeats. */
  get appIds(): string[] {
    return [...new Set([this.id, ...this.innerAppIds])];
  }

  host(name: GraphHostName): GraphHost {
    return this.#hosts[name];
  }

  /** The host where tokens of this kind work. */
  hostOf(kind: TokenKind): GraphHost {
    return this.host(tokenKind(kind).host);
  }

  /** The app ids that `debug_token` on this host may name for tokens of ours. */
  inspectableAppIds(name: GraphHostName): string[] {
    return graphHostDescriptor(name).inspectableApps.map((role) => this.config[role].id);
  }

  /** Every secret that may have signed a webhook or signed_request, with the app it belongs to; the previous one, too. */
  get signers(): AppSigner[] {
    const { app, instagramApp, threadsApp, previousAppSecret } = this.config;
    const previous = previousAppSecret === null ? [] : [{ appId: app.id, secret: previousAppSecret }];
    const current = [app, instagramApp, threadsApp].map(({ id, secret }) => ({ appId: id, secret }));
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

  /** Every secret that may have signed a webhook, without repeats. */
  get signatureSecrets(): SecretString[] {
    const secrets = this.all.flatMap(({ signers }) => signers.map(({ secret }) => secret.expose()));
    return [...new Set(secrets)].map((secret) => new SecretString(secret));
  }
}
