import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Config } from '../../../src/config/config.ts';
import { ConfigError, type Environment } from '../../../src/config/environment-reader.ts';
import { loadConfig } from '../../../src/config/load-config.ts';

const ROOT_KEY = Buffer.alloc(32, 1).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 2).toString('base64');
const LEAST: Environment = { META_APP_ID: '4711', META_APP_SECRET: 'app-secret-4711', ROOT_KEY };
const PRODUCTION: Environment = {
  ...LEAST,
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://vault:pw@localhost:5432/vault',
  PUBLIC_URL: 'https://vault.example',
  OPERATIONS_PORT: '9464',
};

const load = (more: Environment = {}, base: Environment = LEAST): Config => loadConfig({ ...base, ...more });

function faults(more: Environment, base: Environment = LEAST): string[] {
  try {
    load(more, base);
  } catch (error) {
    if (error instanceof ConfigError) return [...error.faults];
    throw error;
  }
  return [];
}

describe('defaults', () => {
  it('are those of the contract', () => {
    expect(load()).toMatchObject({
      environment: 'development',
      host: '127.0.0.1',
      port: 3000,
      publicUrl: 'http://localhost:3000',
      databaseUrl: null,
      database: {
        directUrl: null,
        password: null,
        poolSizes: { requests: 10, leases: 6, background: 10 },
        migrateAtStart: true,
      },
      dataDir: './data',
      returnUrlOrigins: [],
      subscriptionHosts: null,
      bootstrapAdminKey: null,
      refreshCron: '0 3 * * *',
      healthCron: '30 * * * *',
      claimSeconds: 60,
      retentionDays: 30,
      webhookRetentionDays: 30,
      webhookKeep: 'retention',
      unauthenticatedBodyBytes: 67_108_864,
      warnings: [],
      refreshBeforeExpirySeconds: 604_800,
      logLevel: 'info',
      meta: {
        graphApiVersion: 'v26.0',
        graphUrl: 'https://graph.facebook.com',
        graphVideoUrl: 'https://graph-video.facebook.com',
        ruploadUrl: 'https://rupload.facebook.com',
        dialogUrl: 'https://www.facebook.com',
        instagramGraphUrl: 'https://graph.instagram.com',
        instagramApiUrl: 'https://api.instagram.com',
        instagramDialogUrl: 'https://www.instagram.com',
        threadsGraphUrl: 'https://graph.threads.net',
        threadsDialogUrl: 'https://www.threads.com',
        loginConfigIds: {},
        previousAppSecret: null,
        webhookVerifyToken: null,
      },
    });
  });

  it('follow the port and the mode', () => {
    expect(load({ PORT: '8080' }).publicUrl).toBe('http://localhost:8080');
    expect(load({}, PRODUCTION).host).toBe('0.0.0.0');
  });

  it('show metrics to everybody in development, and in production to nobody, which is warned of', () => {
    expect(load().operations).toEqual({ isPublic: true, host: '127.0.0.1', port: null, token: null });
    const bare = load({ OPERATIONS_PORT: '' }, PRODUCTION);
    expect(bare.operations.isPublic).toBe(false);
    expect(bare.warnings).toContainEqual(expect.stringMatching(/^OPERATIONS_PORT is not set/));
    const withPort = load({ OPERATIONS_PORT: '9464', OPERATIONS_HOST: '10.0.0.1' }, PRODUCTION);
    expect(withPort.operations).toEqual({ isPublic: false, host: '10.0.0.1', port: 9464, token: null });
    expect(withPort.warnings.join()).not.toContain('OPERATIONS_');
    expect(load({ OPERATIONS_PORT: '9464' }).operations.isPublic).toBe(false);
    expect(load({ OPERATIONS_TOKEN: 't'.repeat(32) }).operations.isPublic).toBe(false);
  });

  it('have no app for Instagram and Threads: the Meta app never stands in', () => {
    expect(load().meta).toMatchObject({ instagramApp: null, threadsApp: null });
    const { meta } = load({ THREADS_APP_ID: '99', THREADS_APP_SECRET: 'threads-secret' });
    expect(meta.instagramApp).toBeNull();
    expect(meta.threadsApp?.id).toBe('99');
    expect(meta.threadsApp?.secret.expose()).toBe('threads-secret');
  });

  it('hold for variables that are set to nothing', () => {
    expect(load({ PORT: '', LOG_LEVEL: '  ', ROOT_KEY_FILE: '' }).port).toBe(3000);
  });
});

describe('the result', () => {
  it('cannot be changed, at any depth', () => {
    const config = load({ RETURN_URL_ORIGINS: 'https://a.example' });
    expect(() => Object.assign(config.meta, { graphUrl: 'x' })).toThrow(TypeError);
    expect(() => (config.returnUrlOrigins as string[]).push('x')).toThrow(TypeError);
    expect(Object.isFrozen(config.meta.app)).toBe(true);
  });

  it('shows no secret', () => {
    const text = JSON.stringify(load({ BOOTSTRAP_ADMIN_KEY: 'k'.repeat(32), DATABASE_URL: 'postgres://u:pw123@h/d' }));
    for (const secret of [ROOT_KEY, 'app-secret-4711', 'k'.repeat(32), 'pw123']) expect(text).not.toContain(secret);
  });
});

describe('every fault is named', () => {
  it('all at once, each with its variable', () => {
    const found = faults({ PORT: 'x', LOG_LEVEL: 'loud', CLAIM_SECONDS: '0', META_APP_SECRET: '', ROOT_KEY: 'short' });
    expect(found.map((fault) => fault.split(' ', 1)[0]).sort()).toEqual(
      ['CLAIM_SECONDS', 'LOG_LEVEL', 'META_APP_SECRET', 'PORT', 'ROOT_KEY'].sort(),
    );
  });

  it.each<[string, Environment]>([
    ['NODE_ENV', { NODE_ENV: 'prod' }],
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '3e3' }],
    ['HOST', { HOST: 'http://x' }],
    ['OPERATIONS_PORT', { OPERATIONS_PORT: '3000' }],
    ['OPERATIONS_PORT', { OPERATIONS_PORT: 'x' }],
    ['OPERATIONS_HOST', { OPERATIONS_HOST: '10.0.0.1' }],
    ['OPERATIONS_TOKEN', { OPERATIONS_TOKEN: 'too-short' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://x.example/' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'x.example' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://u:p@x.example' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://x.example/?a=1' }],
    ['PUBLIC_URL', { PORT: '0' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://x' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://h/d?sslmode=prefer' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem' }],
    ['DATABASE_URL', { DATABASE_DIRECT_URL: 'postgres://h/d' }],
    ['DATABASE_URL', { DATABASE_READ_URL: 'postgres://h/d' }],
    ['DATABASE_READ_WAIT_MS', { DATABASE_READ_WAIT_MS: '1001' }],
    ['DATABASE_POOL_SIZE', { DATABASE_POOL_SIZE: '1' }],
    ['DATABASE_PASSWORD_FILE', { DATABASE_PASSWORD_FILE: '/nowhere/password' }],
    ['DATABASE_PASSWORD_COMMAND', { DATABASE_PASSWORD_FILE: process.execPath, DATABASE_PASSWORD_COMMAND: 'true' }],
    ['MIGRATE_AT_START', { MIGRATE_AT_START: 'no' }],
    ['META_GRAPH_API_VERSION', { META_GRAPH_API_VERSION: '25.0' }],
    ['META_GRAPH_URL', { META_GRAPH_URL: 'ftp://graph' }],
    ['META_GRAPH_URL', { META_GRAPH_URL: 'https://graph.facebook.com?x' }],
    ['META_LOGIN_CONFIG_ID_ADS', { META_LOGIN_CONFIG_ID_ADS: 'abc' }],
    ['RETURN_URL_ORIGINS', { RETURN_URL_ORIGINS: 'https://a.example,https://b.example/path' }],
    ['SUBSCRIPTION_HOSTS', { SUBSCRIPTION_HOSTS: 'https://a.example' }],
    ['KMS_PROVIDER', { KMS_PROVIDER: 'gcp' }],
    ['AWS_KMS_KEY_ID', { KMS_PROVIDER: 'aws', ROOT_KEY: '' }],
    ['ROOT_KEY', { KMS_PROVIDER: 'aws', AWS_KMS_KEY_ID: 'alias/x' }],
    ['AWS_KMS_KEY_ID_PREVIOUS', { AWS_KMS_KEY_ID: 'alias/x', AWS_KMS_KEY_ID_PREVIOUS: 'alias/x' }],
    [
      'AWS_KMS_KEY_ID_PREVIOUS',
      { AWS_KMS_KEY_ID_PREVIOUS: 'alias/x', ROOT_KEY_PREVIOUS: Buffer.alloc(32, 9).toString('base64') },
    ],
    ['VAULT_TRANSIT_KEY_PREVIOUS', { VAULT_TRANSIT_KEY: 'a', VAULT_TRANSIT_KEY_PREVIOUS: 'a' }],
    ['ROOT_KEY', { ROOT_KEY: '' }],
    ['ROOT_KEY', { ROOT_KEY: Buffer.alloc(31).toString('base64') }],
    ['ROOT_KEY_FILE', { ROOT_KEY_FILE: '/nowhere/key' }],
    ['ROOT_KEY_FILE', { ROOT_KEY: '', ROOT_KEY_FILE: '/nowhere/key' }],
    ['ROOT_KEY_PREVIOUS', { ROOT_KEY_PREVIOUS: ROOT_KEY }],
    ['BOOTSTRAP_ADMIN_KEY', { BOOTSTRAP_ADMIN_KEY: 'k'.repeat(31) }],
    ['BOOTSTRAP_ADMIN_KEY', { BOOTSTRAP_ADMIN_KEY: `${'k'.repeat(31)} k` }],
    ['META_APP_ID', { META_APP_ID: '' }],
    ['META_APP_SECRET', { META_APP_SECRET: '' }],
    ['INSTAGRAM_APP_SECRET', { INSTAGRAM_APP_ID: '1' }],
    ['THREADS_APP_ID', { THREADS_APP_SECRET: 's' }],
    ['REFRESH_CRON', { REFRESH_CRON: '* * * * * *' }],
    ['REFRESH_CRON', { REFRESH_CRON: '61 * * * *' }],
    ['HEALTH_CRON', { HEALTH_CRON: 'daily' }],
    ['RETENTION_DAYS', { RETENTION_DAYS: '-1' }],
    ['WEBHOOK_RETENTION_DAYS', { WEBHOOK_RETENTION_DAYS: '0' }],
    ['WEBHOOK_RETENTION_DAYS', { WEBHOOK_RETENTION_DAYS: '3651' }],
    ['WEBHOOK_KEEP', { WEBHOOK_KEEP: 'forever' }],
    ['REFRESH_BEFORE_EXPIRY_SECONDS', { REFRESH_BEFORE_EXPIRY_SECONDS: '1.5' }],
  ])('%s in %j', (name, environment) => {
    const found = faults(environment);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} `));
  });

  it('without ever quoting a secret', () => {
    const secrets = {
      ROOT_KEY: 'secret-root-key',
      ROOT_KEY_PREVIOUS: 'secret-previous',
      BOOTSTRAP_ADMIN_KEY: 'secret-admin',
      DATABASE_URL: 'secret-database',
      META_APP_SECRET: 'secret of app',
      META_APP_SECRET_PREVIOUS: 'secret of old app',
      PUBLIC_URL: 'https://user:secret@x.example',
    };
    const found = faults(secrets);
    expect(found).toHaveLength(Object.keys(secrets).length);
    expect(found.join('\n')).not.toContain('secret-');
    expect(found.join('\n')).not.toContain('secret of');
    expect(found.join('\n')).not.toContain('user:secret');
  });
});

describe('what production refuses', () => {
  it('nothing of a whole configuration', () => {
    expect(faults({}, PRODUCTION)).toEqual([]);
    expect(faults({ PUBLIC_URL: 'http://127.0.0.1:3000' }, PRODUCTION)).toEqual([]);
    expect(faults({ DATABASE_URL: '', DATA_DIR: '/var/lib/vault' }, PRODUCTION)).toEqual([]);
  });

  it.each<[string, Environment]>([
    ['DATABASE_URL', { DATABASE_URL: '' }],
    ['ROOT_KEY', { ROOT_KEY: '' }],
    ['META_APP_ID', { META_APP_ID: '', META_APP_SECRET: '' }],
    ['META_GRAPH_URL', { META_GRAPH_URL: 'http://graph.example' }],
    ['THREADS_DIALOG_URL', { THREADS_DIALOG_URL: 'http://127.0.0.1:9' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'http://vault.example' }],
  ])('%s in %j', (name, environment) => {
    const found = faults(environment, PRODUCTION);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} `));
  });
});

describe('forms that are taken', () => {
  it('a slash behind a base of Meta, white space around values, and lists', () => {
    const config = load({
      META_GRAPH_URL: 'http://127.0.0.1:9000/graph/',
      PORT: ' 4000 ',
      RETURN_URL_ORIGINS: 'https://a.example, http://localhost:8080',
      SUBSCRIPTION_HOSTS: 'hooks.example,127.0.0.1,[::1]',
      REFRESH_CRON: 'off',
    });
    expect(config.meta.graphUrl).toBe('http://127.0.0.1:9000/graph');
    expect(config.port).toBe(4000);
    expect(config.returnUrlOrigins).toEqual(['https://a.example', 'http://localhost:8080']);
    expect(config.subscriptionHosts).toEqual(['hooks.example', '127.0.0.1', '[::1]']);
    expect(config.refreshCron).toBeNull();
  });

  it('KMS_PROVIDER aws without a root key', () => {
    const { keys } = load({
      KMS_PROVIDER: 'aws',
      AWS_KMS_KEY_ID: 'alias/vault',
      ROOT_KEY: '',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    });
    expect(keys).toEqual({
      provider: 'aws',
      keyId: 'alias/vault',
      endpointUrl: 'http://127.0.0.1:1',
      previousKeyId: null,
      previousRootKey: null,
    });
  });

  it('the key of a KMS that another one replaces', () => {
    const aws = { KMS_PROVIDER: 'aws', AWS_KMS_KEY_ID: 'alias/next', ROOT_KEY: '' };
    expect(load({ ...aws, AWS_KMS_KEY_ID_PREVIOUS: 'alias/vault' }).keys).toMatchObject({
      previousKeyId: 'alias/vault',
    });
    const transit = {
      KMS_PROVIDER: 'transit',
      VAULT_ADDR: 'https://vault.example',
      VAULT_TRANSIT_KEY: 'next',
      VAULT_TOKEN: 'hvs.x',
    };
    const keys = load({ ...transit, ROOT_KEY: '', VAULT_TRANSIT_KEY_PREVIOUS: 'vault' }).keys;
    expect(keys).toMatchObject({ keyName: 'next', previousKeyName: 'vault' });
  });
});

describe('who may come, and how', () => {
  it('is nobody by a token, and from behind no proxy, unless said', () => {
    expect(load()).toMatchObject({ oidc: { issuers: [], audiences: [] }, trustedProxies: [] });
    const OIDC_ISSUERS = 'https://issuer.example/, http://127.0.0.1:8080';
    const TRUSTED_PROXIES = '10.0.0.0/8, 2001:db8::/32,192.0.2.1';
    expect(load({ OIDC_ISSUERS, OIDC_AUDIENCE: 'metavault,api://vault', TRUSTED_PROXIES })).toMatchObject({
      oidc: { issuers: ['https://issuer.example/', 'http://127.0.0.1:8080'], audiences: ['metavault', 'api://vault'] },
      trustedProxies: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'],
    });
  });

  it.each([
    ['OIDC_ISSUERS', 'issuer.example'],
    ['OIDC_ISSUERS', 'http://issuer.example'],
    ['OIDC_ISSUERS', 'https://user@issuer.example'],
    ['OIDC_ISSUERS', 'https://issuer.example?a=b'],
    ['OIDC_AUDIENCE', 'meta vault'],
    ['TRUSTED_PROXIES', '0.0.0.0/0'],
    ['TRUSTED_PROXIES', '::/0'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', 'loopback'],
    ['TRUSTED_PROXIES', 'true'],
  ])('%s: not %s', (name, value) => {
    const [fault, ...more] = faults({ OIDC_AUDIENCE: 'metavault', [name]: value });
    expect(fault).toMatch(new RegExp(`^${name} must be`));
    expect(more).toEqual([]);
  });

  it('is told together: issuers need an audience, and https in production', () => {
    expect(faults({ OIDC_ISSUERS: 'https://issuer.example' })).toEqual([
      expect.stringMatching(/^OIDC_AUDIENCE is missing/),
    ]);
    const local = { OIDC_ISSUERS: 'http://127.0.0.1:1', OIDC_AUDIENCE: 'metavault' };
    expect(faults(local, PRODUCTION)).toEqual([expect.stringMatching(/^OIDC_ISSUERS must be https/)]);
  });
});

describe('ROOT_KEY_FILE', () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'config-'));
  const file = path.join(directory, 'root-key');
  afterAll(() => rmSync(directory, { recursive: true }));

  it('holds the key, with a line end behind it', () => {
    writeFileSync(file, `${OTHER_KEY}\n`);
    const { keys } = load({ ROOT_KEY: '', ROOT_KEY_FILE: file });
    expect(keys.provider === 'local' && keys.rootKey.expose()).toBe(OTHER_KEY);
  });

  it('that others may read is warned of, and stops a start in production', () => {
    writeFileSync(file, OTHER_KEY);
    for (const [mode, isOpen] of [
      [0o600, false],
      [0o640, false],
      [0o644, true],
      [0o602, true],
    ] as const) {
      chmodSync(file, mode);
      const { warnings } = load({ ROOT_KEY: '', ROOT_KEY_FILE: file });
      expect(warnings).toEqual(isOpen ? [expect.stringMatching(/^ROOT_KEY_FILE .*chmod 600/)] : []);
      const inProduction = { ...PRODUCTION, ROOT_KEY: '', ROOT_KEY_FILE: file };
      expect(isOpen ? faults(inProduction) : load(inProduction).warnings).toEqual(
        isOpen ? [expect.stringMatching(/^ROOT_KEY_FILE .*chmod 600/)] : [],
      );
    }
    chmodSync(file, 0o600);
  });

  it('is refused beside ROOT_KEY, and with content that is no key', () => {
    writeFileSync(file, 'no key');
    expect(faults({ ROOT_KEY_FILE: file })).toHaveLength(1);
    const [fault] = faults({ ROOT_KEY: '', ROOT_KEY_FILE: file });
    expect(fault).toMatch(/^ROOT_KEY_FILE .*6 characters/);
    expect(fault).not.toContain('no key');
  });
});
