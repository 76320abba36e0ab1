import type { AppCredentials, MetaConfig } from '../../config/config.ts';

/** Meta's API hosts. `instagram_api` is api.instagram.com, which only exchanges codes. */
export type GraphHostName = 'facebook' | 'instagram' | 'instagram_api' | 'threads';
/** Hosts that accept calls with a token. */
export type TokenHostName = Exclude<GraphHostName, 'instagram_api'>;
/** The Meta app, or its Instagram or Threads app: each has its own id and secret. */
type AppRole = 'app' | 'instagramApp' | 'threadsApp';

/** Where operators find an app's id and secret, and which settings hold them. */
interface AppSettings {
  /** Names of the environment variables. */
  readonly id: string;
  readonly secret: string;
  /** The field of `POST /v1/apps` that holds both. */
  readonly field: string;
  /** Where Meta's app dashboard shows both. */
  readonly dashboard: string;
}

/** Describes one API host. */
export interface GraphHostDescriptor<Name extends GraphHostName = GraphHostName> {
  readonly name: Name;
  readonly baseUrlSetting: 'graphUrl' | 'instagramGraphUrl' | 'instagramApiUrl' | 'threadsGraphUrl';
  /** Whose id and secret this host accepts. */
  readonly appRole: AppRole;
  readonly appSettings: AppSettings;
  /** Whether `client_credentials` works here, and so can prove the app's id and secret. */
  readonly grantsAppTokens: boolean;
  /** Null: the configured Graph API version. */
  readonly fixedVersion: string | null;
  /** Whether the host accepts `appsecret_proof`. */
  readonly isProofSupported: boolean;
  /** Whether the token endpoint's path starts with a version. */
  readonly isTokenPathVersioned: boolean;
  /** Prefix of `{app_id}|{app_secret}` when used as a token. */
  readonly appTokenPrefix: string;
  /** The host whose error code meanings apply. */
  readonly errorDialect: TokenHostName;
  /** Whether code 100 means a wrong secret if the call carried the secret. */
  readonly reportsWrongSecretAsParameter: boolean;
  /** Apps that `debug_token` may name for our tokens. Which one Threads names is unconfirmed. */
  readonly inspectableApps: readonly AppRole[];
  /** Whether resumable uploads use the shared upload host, and whether the host has video and media hosts. */
  readonly hasUploadHost: boolean;
  readonly hasMediaHosts: boolean;
}

const META_APP_SETTINGS: AppSettings = {
  id: 'META_APP_ID',
  secret: 'META_APP_SECRET',
  field: 'app_secret',
  dashboard: 'App settings, Basic: App ID and App secret',
};
const INSTAGRAM_APP_SETTINGS: AppSettings = {
  id: 'INSTAGRAM_APP_ID',
  secret: 'INSTAGRAM_APP_SECRET',
  field: 'instagram',
  dashboard: 'Instagram, API setup with Instagram login: Instagram app ID and Instagram app secret',
};
const THREADS_APP_SETTINGS: AppSettings = {
  id: 'THREADS_APP_ID',
  secret: 'THREADS_APP_SECRET',
  field: 'threads',
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

/** A host as called by one app. */
export interface GraphHost extends GraphHostDescriptor {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** `v26.0` */
  readonly version: string;
  /** Null if not configured. Calls that need it go through `requireApp`. */
  readonly app: AppCredentials | null;
  /** `/v26.0/oauth/access_token` */
  readonly tokenPath: string;
}

/** Returns the descriptor of a host. Throws for an unknown name. */
export function graphHostDescriptor(name: GraphHostName): GraphHostDescriptor {
  if (!Object.hasOwn(GRAPH_HOSTS, name)) throw new Error(`Unknown Meta API host ${JSON.stringify(name)}.`);
  return GRAPH_HOSTS[name];
}

/** Resolves every host with its configured base URL, version and app. */
export function resolveGraphHosts(meta: MetaConfig): Readonly<Record<GraphHostName, GraphHost>> {
  return {
    facebook: resolveGraphHost(meta, 'facebook'),
    instagram: resolveGraphHost(meta, 'instagram'),
    instagram_api: resolveGraphHost(meta, 'instagram_api'),
    threads: resolveGraphHost(meta, 'threads'),
  };
}

/** Resolves a host with its configured base URL, version and app. */
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
