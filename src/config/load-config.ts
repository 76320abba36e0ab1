import { validateCronExpression } from 'cron';
import { DAY_SECONDS } from '../platform/duration.ts';
import { SecretString } from '../platform/secret-string.ts';
import { readOidc, readTrustedProxies } from './auth-settings.ts';
import { readBranding } from './branding-settings.ts';
import {
  type AppCredentials,
  type Config,
  type MetaConfig,
  type Product,
  TENANT_LOGGING,
  WEBHOOK_KEEPS,
} from './config.ts';
import { readConsole } from './console-settings.ts';
import { readDatabase } from './database-settings.ts';
import { type Environment, EnvironmentReader } from './environment-reader.ts';
import { DEFAULT_GRAPH_API_VERSION } from './graph-api-version.ts';
import { readKeyProvider } from './key-provider-settings.ts';
import { LOGIN_CONFIG_SETTINGS } from './login-config-settings.ts';
import { readOperations } from './operations-settings.ts';
import { HOST_FORM, HOST_PATTERN, isLoopback, readSecret, readUrl } from './setting-readers.ts';
import { readTracing } from './tracing-settings.ts';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/**
 * Parses the environment into one frozen object. Throws one `ConfigError` that names every wrong or missing variable.
 * Reads no file but `ROOT_KEY_FILE` and `BRAND_LOGO_FILE`, and writes none.
 */
export function loadConfig(environment: Environment): Config {
  const reader = new EnvironmentReader(environment);
  const mode = reader.oneOf('NODE_ENV', ['development', 'production', 'test'], 'development');
  const isProduction = mode === 'production';
  const port = reader.integer('PORT', 3000, 0, 65_535);
  const host = reader.matching('HOST', HOST_PATTERN, HOST_FORM) ?? (isProduction ? '0.0.0.0' : '127.0.0.1');
  const config: Config = {
    environment: mode,
    host,
    port,
    operations: readOperations(reader, { host, port, isProduction }),
    shutdownDelaySeconds: reader.integer('SHUTDOWN_DELAY_SECONDS', isProduction ? 5 : 0, 0, 600),
    publicUrl: readPublicUrl(reader, port, isProduction),
    ...readStorage(reader, isProduction),
    meta: readMeta(reader, isProduction),
    returnUrlOrigins:
      reader.list(
        'RETURN_URL_ORIGINS',
        isOrigin,
        'origins such as https://app.example, without a path or a trailing slash',
      ) ?? [],
    branding: readBranding(reader),
    subscriptionHosts: reader.list('SUBSCRIPTION_HOSTS', isHost, 'host names, without a scheme, a port or a path'),
    keys: readKeyProvider(reader, isProduction),
    bootstrapAdminKey: readSecret(
      reader,
      'BOOTSTRAP_ADMIN_KEY',
      /^[\x21-\x7e]{32,512}$/,
      'at least 32 characters of visible ASCII without spaces (make one with: openssl rand -hex 32)',
    ),
    oidc: readOidc(reader, isProduction),
    console: readConsole(reader, isProduction),
    trustedProxies: readTrustedProxies(reader),
    unauthenticatedBodyBytes: reader.integer('UNAUTHENTICATED_BODY_BYTES', 64 * 1024 * 1024, 1, 16 * 1024 ** 3),
    refreshCron: readCron(reader, 'REFRESH_CRON', '0 3 * * *'),
    healthCron: readCron(reader, 'HEALTH_CRON', '30 * * * *'),
    claimSeconds: reader.integer('CLAIM_SECONDS', 60, 1, 3600),
    retentionDays: reader.integer('RETENTION_DAYS', 30, 1, 3650),
    webhookRetentionDays: reader.integer('WEBHOOK_RETENTION_DAYS', 30, 1, 3650),
    webhookKeep: reader.oneOf('WEBHOOK_KEEP', WEBHOOK_KEEPS, 'retention'),
    refreshBeforeExpirySeconds: reader.integer('REFRESH_BEFORE_EXPIRY_SECONDS', 7 * DAY_SECONDS, 1, 60 * DAY_SECONDS),
    rotateSystemUsersDays: reader.optionalInteger('ROTATE_SYSTEM_USERS_DAYS', 1, 3650),
    logLevel: reader.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    logTenants: reader.oneOf('LOG_TENANTS', TENANT_LOGGING, 'hash'),
    tracing: readTracing(reader),
    warnings: reader.warnings,
  };
  reader.finish();
  return deepFreeze(config);
}

function readPublicUrl(reader: EnvironmentReader, port: number, isProduction: boolean): string {
  const given = reader.text('PUBLIC_URL');
  if (given === null) {
    if (port === 0) reader.fault('PUBLIC_URL', 'is missing: PORT 0 means an unknown port, so set it.');
    return `http://localhost:${port}`;
  }
  if (given.endsWith('/'))
    reader.fault('PUBLIC_URL', 'must not end with a slash, because paths are appended to it; remove the slash.');
  const url = readUrl(reader, 'PUBLIC_URL', '');
  if (isProduction && url.startsWith('http:') && !isLoopback(new URL(url).hostname)) {
    reader.fault('PUBLIC_URL', 'must begin with https:// in production, unless it is a loopback address.');
  }
  return url;
}

function readStorage(
  reader: EnvironmentReader,
  isProduction: boolean,
): Pick<Config, 'databaseUrl' | 'database' | 'dataDir'> {
  const dataDir = reader.text('DATA_DIR');
  if (isProduction && reader.text('DATABASE_URL') === null && dataDir === null) {
    reader.fault(
      'DATABASE_URL',
      'is missing: in production set it to your Postgres, or set DATA_DIR to a persistent folder for the embedded one.',
    );
  }
  return { ...readDatabase(reader, isProduction), dataDir: dataDir ?? './data' };
}

function readMeta(reader: EnvironmentReader, isProduction: boolean): MetaConfig {
  const app = readApp(reader, 'META');
  if (app === null && reader.text('META_APP_ID') === null && reader.text('META_APP_SECRET') === null) {
    const remedy = "set META_APP_ID and META_APP_SECRET from Meta's app dashboard";
    reader.fault(
      'META_APP_ID',
      `is missing: ${isProduction ? 'production does not run on the sandbox; ' : ''}${remedy}.`,
    );
  }
  const base = (name: string, fallback: string): string => {
    const url = readUrl(reader, name, fallback);
    if (isProduction && url.startsWith('http:')) reader.fault(name, 'must begin with https:// in production.');
    return url;
  };
  const loginConfigIds = Object.entries(LOGIN_CONFIG_SETTINGS)
    .map(
      ([product, name]) =>
        [
          product,
          reader.matching(name, /^\d{1,32}$/, 'the id of a Facebook Login for Business configuration'),
        ] as const,
    )
    .filter(([, id]) => id !== null);
  return {
    app: app ?? { id: '', secret: new SecretString('') },
    instagramApp: readApp(reader, 'INSTAGRAM'),
    threadsApp: readApp(reader, 'THREADS'),
    previousAppSecret: readSecret(reader, 'META_APP_SECRET_PREVIOUS', APP_SECRET, 'an app secret, without spaces'),
    graphApiVersion:
      reader.matching('META_GRAPH_API_VERSION', /^v\d{1,3}\.\d$/, `a version such as ${DEFAULT_GRAPH_API_VERSION}`) ??
      DEFAULT_GRAPH_API_VERSION,
    graphUrl: base('META_GRAPH_URL', 'https://graph.facebook.com'),
    graphVideoUrl: base('META_GRAPH_VIDEO_URL', 'https://graph-video.facebook.com'),
    ruploadUrl: base('META_RUPLOAD_URL', 'https://rupload.facebook.com'),
    dialogUrl: base('META_DIALOG_URL', 'https://www.facebook.com'),
    instagramGraphUrl: base('INSTAGRAM_GRAPH_URL', 'https://graph.instagram.com'),
    instagramApiUrl: base('INSTAGRAM_API_URL', 'https://api.instagram.com'),
    instagramDialogUrl: base('INSTAGRAM_DIALOG_URL', 'https://www.instagram.com'),
    threadsGraphUrl: base('THREADS_GRAPH_URL', 'https://graph.threads.net'),
    threadsDialogUrl: base('THREADS_DIALOG_URL', 'https://www.threads.com'),
    loginConfigIds: Object.fromEntries(loginConfigIds) as Partial<Record<Product, string>>,
    webhookVerifyToken: readSecret(reader, 'META_WEBHOOK_VERIFY_TOKEN', /^[\x20-\x7e]{1,512}$/, 'a line of ASCII'),
  };
}

const APP_SECRET = /^[\x21-\x7e]{1,256}$/;

/** Reads an app's id and secret. Reports a fault if only one is set. */
function readApp(reader: EnvironmentReader, prefix: 'META' | 'INSTAGRAM' | 'THREADS'): AppCredentials | null {
  const [idName, secretName] = [`${prefix}_APP_ID`, `${prefix}_APP_SECRET`];
  const id = reader.matching(idName, /^[A-Za-z0-9_-]{1,64}$/, 'an app id as in the dashboard');
  const secret = readSecret(reader, secretName, APP_SECRET, 'an app secret, without spaces');
  const [hasId, hasSecret] = [reader.text(idName) !== null, reader.text(secretName) !== null];
  if (hasId && !hasSecret) reader.fault(secretName, `is missing although ${idName} is set; set both or neither.`);
  if (hasSecret && !hasId) reader.fault(idName, `is missing although ${secretName} is set; set both or neither.`);
  return id === null || secret === null ? null : { id, secret };
}

function readCron(reader: EnvironmentReader, name: string, fallback: string): string | null {
  const value = reader.text(name) ?? fallback;
  if (value === 'off') return null;
  const isValidCron = value.split(/\s+/).length === 5 && validateCronExpression(value).valid;
  if (!isValidCron) {
    const given = JSON.stringify(value.slice(0, 60));
    const form = 'a cron expression of five fields (minute hour day month weekday, UTC)';
    reader.fault(name, `must be ${form} such as "${fallback}", or off; it is ${given}.`);
  }
  return value;
}

function isOrigin(value: string): boolean {
  return /^https?:\/\//.test(value) && URL.canParse(value) && new URL(value).origin === value.toLowerCase();
}

function isHost(value: string): boolean {
  return /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?)$/.test(value);
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part as object);
  return Object.freeze(value);
}
