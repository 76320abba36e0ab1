import type { AppCredentials, MetaConfig } from '../../config/config.ts';

/** Meta's API hosts; `instagram_api` is api.instagram.com, which only exchanges codes. */
export type GraphHostName = 'facebook' | 'instagram' | 'instagram_api' | 'threads';
/** Hosts that take calls with a token. */
export type TokenHostName = Exclude<GraphHostName, 'instagram_api'>;
/** The Meta app itself, or the Instagram or Threads app inside it: each has an id and a secret of its own. */
type AppRole = 'app' | 'instagramApp' | 'threadsApp';

/** Where an operator finds an app's id and secret, and where they belong here. */
interface AppSettings {
  /** The settings' names. */
  readonly id: string;
  readonly secret: string;
  /** Where both stand in the app's dashboard at Meta. */
  readonly dashboard: string;
}

/** What is special about a host. */
export interface GraphHostDescriptor<Name extends GraphHostName = GraphHostName> {
  readonly name: Name;
  readonly baseUrlSetting: 'graphUrl' | 'instagramGraphUrl' | 'instagramApiUrl' | 'threadsGraphUrl';
  /** Whose id and secret count there. */
  readonly appRole: AppRole;
  readonly appSettings: AppSettings;
  /** Whether `client_credentials` shows that Meta takes the app's id and secret. */
  readonly grantsAppTokens: boolean;
  /** Null: the configured version of the Graph API. */
  readonly fixedVersion: string | null;
  /** Whether the host knows `appsecret_proof`. */
  readonly isProofSupported: boolean;
  /** Whether the path of its token endpoint begins with a version. */
  readonly isTokenPathVersioned: boolean;
  /** Written before `{app_id}|{app_secret}` where that is the token. */
  readonly appTokenPrefix: string;
  /** Which host's meaning its error codes have. */
  readonly errorDialect: TokenHostName;
  /** Whether code 100 to a call that carries the app's secret means that the secret is wrong. */
  readonly reportsWrongSecretAsParameter: boolean;
  /** The apps that `debug_token` may name for tokens of ours. Which of the two Threads names is not confirmed. */
  readonly inspectableApps: readonly AppRole[];
  /** Whether resumable uploads go to the shared upload host, and whether video and media hosts belong to it. */
  readonly hasUploadHost: boolean;
  readonly hasMediaHosts: boolean;
}

const META_APP_SETTINGS: AppSettings = {
  id: 'META_APP_ID',
  secret: 'META_APP_SECRET',
  dashboard: 'App settings, Basic: App ID and App secret',
};
const INSTAGRAM_APP_SETTINGS: AppSettings = {
  id: 'INSTAGRAM_APP_ID',
  secret: 'INSTAGRAM_APP_SECRET',
  dashboard: 'Instagram, API setup with Instagram login: Instagram app ID and Instagram app secret',
};
const THREADS_APP_SETTINGS: AppSettings = {
  id: 'THREADS_APP_ID',
  secret: 'THREADS_APP_SECRET',
  dashboard: 'App settings, Basic: Threads app ID and Threads app secret',
};

type GraphHostTable = { readonly [Name in GraphHostName]: GraphHostDescriptor<Name> };

const GRAPH_HOSTS: GraphHostTable = {
  facebook: {
    name: 'facebook',
    baseUrlSetting: 'graphUrl',
    appRole: 'app',
    appSettings: META_APP_SETTINGS,
    grantsAppTokens: true,
    fixedVersion: null,
    isProofSupported: true,
    isTokenPathVersioned: true,
    appTokenPrefix: '',
    errorDialect: 'facebook',
    reportsWrongSecretAsParameter: false,
    inspectableApps: ['app'],
    hasUploadHost: true,
    hasMediaHosts: true,
  },
  instagram: {
    name: 'instagram',
    baseUrlSetting: 'instagramGraphUrl',
    appRole: 'instagramApp',
    appSettings: INSTAGRAM_APP_SETTINGS,
    grantsAppTokens: false,
    fixedVersion: null,
    isProofSupported: true,
    isTokenPathVersioned: false,
    appTokenPrefix: '',
    errorDialect: 'instagram',
    reportsWrongSecretAsParameter: true,
    inspectableApps: ['instagramApp'],
    hasUploadHost: true,
    hasMediaHosts: false,
  },
  instagram_api: {
    name: 'instagram_api',
    baseUrlSetting: 'instagramApiUrl',
    appRole: 'instagramApp',
    appSettings: INSTAGRAM_APP_SETTINGS,
    grantsAppTokens: false,
    fixedVersion: null,
    isProofSupported: false,
    isTokenPathVersioned: false,
    appTokenPrefix: '',
    errorDialect: 'instagram',
    reportsWrongSecretAsParameter: true,
    inspectableApps: ['instagramApp'],
    hasUploadHost: false,
    hasMediaHosts: false,
  },
  threads: {
    name: 'threads',
    baseUrlSetting: 'threadsGraphUrl',
    appRole: 'threadsApp',
    appSettings: THREADS_APP_SETTINGS,
    grantsAppTokens: true,
    fixedVersion: 'v1.0',
    isProofSupported: false,
    isTokenPathVersioned: false,
    appTokenPrefix: 'TH|',
    errorDialect: 'threads',
    reportsWrongSecretAsParameter: false,
    inspectableApps: ['threadsApp', 'app'],
    hasUploadHost: false,
    hasMediaHosts: false,
  },
};

/** A host as one app calls it. */
export interface GraphHost extends GraphHostDescriptor {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** `v26.0` */
  readonly version: string;
  /** Null: none is configured. `requireApp` gets it for calls that can't do without. */
  readonly app: AppCredentials | null;
  /** `/v26.0/oauth/access_token` */
  readonly tokenPath: string;
}

/** What is special about a host. Throws for a name that is none. */
export function graphHostDescriptor(name: GraphHostName): GraphHostDescriptor {
  if (!Object.hasOwn(GRAPH_HOSTS, name)) throw new Error(`${JSON.stringify(name)} is no API host of Meta's.`);
  return GRAPH_HOSTS[name];
}

/** All hosts with the bases, versions and apps that are configured for them. */
export function resolveGraphHosts(meta: MetaConfig): Readonly<Record<GraphHostName, GraphHost>> {
  return {
    facebook: resolveGraphHost(meta, 'facebook'),
    instagram: resolveGraphHost(meta, 'instagram'),
    instagram_api: resolveGraphHost(meta, 'instagram_api'),
    threads: resolveGraphHost(meta, 'threads'),
  };
}

/** A host with the base, version and app that are configured for it. */
export function resolveGraphHost(meta: MetaConfig, name: GraphHostName): GraphHost {
  const descriptor = graphHostDescriptor(name);
  const version = descriptor.fixedVersion ?? meta.graphApiVersion;
  return {
    ...descriptor,
    baseUrl: meta[descriptor.baseUrlSetting],
    version,
    app: meta[descriptor.appRole],
    tokenPath: `${descriptor.isTokenPathVersioned ? `/${version}` : ''}/oauth/access_token`,
  };
}
