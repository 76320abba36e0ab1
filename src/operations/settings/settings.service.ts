import { Injectable } from '@nestjs/common';
import { KeyHasher } from '../../auth/credentials/key-hasher.ts';
import { Config } from '../../config/config.ts';
import { LOGIN_CONFIG_SETTINGS } from '../../config/login-config-settings.ts';
import { getVersionEnd } from '../../meta/graph/graph-version.ts';
import { Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import type { SettingsResponse } from './settings.dto.ts';

type Setting = SettingsResponse['settings'][number];
type Value = string | number | boolean | null | readonly string[];

const FINGERPRINT_HEX = 12;

/** Shows the settings of this replica. Secrets appear only as fingerprints, those that open the vault not even so. */
@Injectable()
export class SettingsService {
  constructor(
    private readonly config: Config,
    private readonly hasher: KeyHasher,
    private readonly clock: Clock,
  ) {}

  read(): SettingsResponse {
    const { config } = this;
    const version = config.meta.graphApiVersion;
    const [end, marketingEnd] = [getVersionEnd(version), getVersionEnd(version, 'marketing')];
    return {
      environment: config.environment,
      node_version: process.version,
      meta_version: {
        version,
        ends_on: toDay(end),
        marketing_ends_on: toDay(marketingEnd),
        is_over: end === 'past' || (end !== null && end <= this.clock.now()),
      },
      warnings: [...config.warnings],
      settings: [
        ...this.listening(),
        ...this.keys(),
        ...this.console(),
        ...this.database(),
        ...this.meta(),
        ...this.access(),
        ...this.pages(),
        ...this.schedules(),
      ],
    };
  }

  private listening(): Setting[] {
    const { config } = this;
    const { operations, tracing } = config;
    const show = shows('listening');
    return [
      show('HOST', config.host),
      show('PORT', config.port),
      show('PUBLIC_URL', config.publicUrl),
      show('SHUTDOWN_DELAY_SECONDS', config.shutdownDelaySeconds),
      show('OPERATIONS_PORT', operations.port),
      show('OPERATIONS_HOST', operations.port === null ? null : operations.host),
      this.secret('listening', 'OPERATIONS_TOKEN', operations.token),
      show('LOG_LEVEL', config.logLevel),
      show('LOG_TENANTS', config.logTenants),
      show('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', tracing === null ? null : withoutQuery(tracing.url)),
      show('OTEL_SERVICE_NAME', tracing?.serviceName ?? null),
    ];
  }

  private keys(): Setting[] {
    const { keys, bootstrapAdminKey, oidc } = this.config;
    const show = shows('keys');
    return [
      show('KMS_PROVIDER', keys.provider),
      ...(keys.provider === 'aws'
        ? [
            show('AWS_KMS_KEY_ID', keys.keyId),
            show('AWS_KMS_KEY_ID_PREVIOUS', keys.previousKeyId),
            show('AWS_ENDPOINT_URL', keys.endpointUrl === null ? null : withoutQuery(keys.endpointUrl)),
          ]
        : []),
      ...(keys.provider === 'transit'
        ? [
            show('VAULT_ADDR', keys.address),
            show('VAULT_TRANSIT_MOUNT', keys.mount),
            show('VAULT_TRANSIT_KEY', keys.keyName),
            show('VAULT_TRANSIT_KEY_PREVIOUS', keys.previousKeyName),
            show('VAULT_NAMESPACE', keys.namespace),
          ]
        : []),
      show('ROOT_KEY_PREVIOUS', keys.previousRootKey === null ? null : 'set'),
      this.secret('keys', 'BOOTSTRAP_ADMIN_KEY', bootstrapAdminKey),
      show('OIDC_ISSUERS', oidc.issuers),
      show('OIDC_AUDIENCE', oidc.audiences),
    ];
  }

  private console(): Setting[] {
    const { keySignIn, oidc } = this.config.console;
    const show = shows('console');
    return [
      show('CONSOLE_KEY_SIGN_IN', keySignIn),
      show('CONSOLE_OIDC_ISSUER', oidc?.issuer ?? null),
      show('CONSOLE_OIDC_CLIENT_ID', oidc?.clientId ?? null),
      this.secret('console', 'CONSOLE_OIDC_CLIENT_SECRET', oidc?.clientSecret ?? null),
      show('CONSOLE_OIDC_NAME', oidc?.name ?? null),
      show('CONSOLE_OIDC_SCOPES', oidc?.scope ?? null),
      show('CONSOLE_OIDC_ROLE_CLAIM', oidc?.roleClaim ?? null),
      show('CONSOLE_OIDC_ROLES', oidc?.roles.map(({ role, value }) => `${role}=${value}`) ?? null),
      show('CONSOLE_OIDC_TENANTS_CLAIM', oidc?.tenantsClaim ?? null),
      show('CONSOLE_OIDC_SESSION_MINUTES', oidc === null ? null : oidc.sessionSeconds / 60),
    ];
  }

  private database(): Setting[] {
    const { databaseUrl, dataDir, database } = this.config;
    const { directUrl, readUrl, readWaitMs, password, poolSizes, migrateAtStart } = database;
    const show = shows('database');
    return [
      // Even without a password, a URL may hold what only operators should know; a fingerprint tells replicas apart.
      this.secret('database', 'DATABASE_URL', databaseUrl),
      this.secret('database', 'DATABASE_DIRECT_URL', directUrl),
      this.secret('database', 'DATABASE_READ_URL', readUrl),
      show('DATABASE_READ_WAIT_MS', readWaitMs),
      show('DATABASE_PASSWORD_FILE', password !== null && 'file' in password ? password.file : null),
      // A command may contain a secret.
      show('DATABASE_PASSWORD_COMMAND', password !== null && 'command' in password ? 'set' : null),
      show('DATA_DIR', databaseUrl === null ? dataDir : null),
      show('DATABASE_POOL_SIZE', poolSizes.requests),
      show('DATABASE_LEASE_POOL_SIZE', poolSizes.leases),
      show('DATABASE_BACKGROUND_POOL_SIZE', poolSizes.background),
      show('MIGRATE_AT_START', migrateAtStart),
    ];
  }

  private meta(): Setting[] {
    const { meta } = this.config;
    const show = shows('meta');
    const app = (prefix: string, credentials: typeof meta.instagramApp): Setting[] => [
      show(`${prefix}_APP_ID`, credentials?.id ?? null),
      this.secret('meta', `${prefix}_APP_SECRET`, credentials?.secret ?? null),
    ];
    return [
      ...app('META', meta.app),
      this.secret('meta', 'META_APP_SECRET_PREVIOUS', meta.previousAppSecret),
      ...app('INSTAGRAM', meta.instagramApp),
      ...app('THREADS', meta.threadsApp),
      show('META_GRAPH_API_VERSION', meta.graphApiVersion),
      this.secret('meta', 'META_WEBHOOK_VERIFY_TOKEN', meta.webhookVerifyToken),
      ...Object.entries(LOGIN_CONFIG_SETTINGS).map(([product, name]) =>
        show(name, meta.loginConfigIds[product as keyof typeof meta.loginConfigIds] ?? null),
      ),
      show('META_GRAPH_URL', meta.graphUrl),
      show('META_GRAPH_VIDEO_URL', meta.graphVideoUrl),
      show('META_RUPLOAD_URL', meta.ruploadUrl),
      show('META_DIALOG_URL', meta.dialogUrl),
      show('INSTAGRAM_GRAPH_URL', meta.instagramGraphUrl),
      show('INSTAGRAM_API_URL', meta.instagramApiUrl),
      show('INSTAGRAM_DIALOG_URL', meta.instagramDialogUrl),
      show('THREADS_GRAPH_URL', meta.threadsGraphUrl),
      show('THREADS_DIALOG_URL', meta.threadsDialogUrl),
    ];
  }

  private access(): Setting[] {
    const { config } = this;
    const show = shows('access');
    return [
      show('TRUSTED_PROXIES', config.trustedProxies),
      show('UNAUTHENTICATED_BODY_BYTES', config.unauthenticatedBodyBytes),
      show('RETURN_URL_ORIGINS', config.returnUrlOrigins),
      show('SUBSCRIPTION_HOSTS', config.subscriptionHosts),
    ];
  }

  private pages(): Setting[] {
    const { name, color, logo } = this.config.branding;
    const show = shows('pages');
    return [
      show('BRAND_NAME', name),
      show('BRAND_COLOR', color),
      // For an image that we serve, including one from BRAND_LOGO_FILE, only the type.
      show('BRAND_LOGO_URL', logo === null ? null : 'url' in logo ? logo.url : `data:${logo.mediaType}`),
    ];
  }

  private schedules(): Setting[] {
    const { config } = this;
    const show = shows('schedules');
    return [
      show('REFRESH_CRON', config.refreshCron ?? 'off'),
      show('HEALTH_CRON', config.healthCron ?? 'off'),
      show('CLAIM_SECONDS', config.claimSeconds),
      show('REFRESH_BEFORE_EXPIRY_SECONDS', config.refreshBeforeExpirySeconds),
      show('ROTATE_SYSTEM_USERS_DAYS', config.rotateSystemUsersDays),
      show('RETENTION_DAYS', config.retentionDays),
      show('WEBHOOK_RETENTION_DAYS', config.webhookRetentionDays),
      show('WEBHOOK_KEEP', config.webhookKeep),
    ];
  }

  private secret(group: Setting['group'], name: string, secret: SecretString | null): Setting {
    if (secret === null || secret.expose() === '') return { group, name, value: null, fingerprint: null };
    const hash = this.hasher.blindIndex(`setting ${secret.expose()}`).toString('hex');
    return { group, name, value: null, fingerprint: hash.slice(0, FINGERPRINT_HEX) };
  }
}

function shows(group: Setting['group']): (name: string, value: Value) => Setting {
  return (name, value) => {
    const text = typeof value === 'object' && value !== null ? value.join(', ') : String(value ?? '');
    return { group, name, value: text === '' ? null : text, fingerprint: null };
  };
}

/** Collectors may accept a key in the query. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function toDay(end: Date | 'past' | null): string | null {
  return end === 'past' || end === null ? null : end.toISOString().slice(0, 10);
}
