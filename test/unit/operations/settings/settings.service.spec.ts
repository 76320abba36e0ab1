import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import type { KeyHasher } from '../../../../src/auth/credentials/key-hasher.ts';
import type { SettingsResponse } from '../../../../src/operations/settings/settings.dto.ts';
import { SettingsService } from '../../../../src/operations/settings/settings.service.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { testConfig } from '../../../support/test-config.ts';

/** Settings that `GET /v1/settings` does not list by name, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  NODE_ENV: 'is `environment`',
  ROOT_KEY: 'opens the vault: not even its fingerprint is shown',
  ROOT_KEY_FILE: 'leads to what opens the vault',
  VAULT_TOKEN: 'opens the vault',
  VAULT_TOKEN_FILE: 'leads to what opens the vault',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'is part of OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  BRAND_LOGO_FILE: 'is read at the start, and shown as BRAND_LOGO_URL',
};

const AWS = { KMS_PROVIDER: 'aws', ROOT_KEY: '', AWS_KMS_KEY_ID: 'alias/metavault' };
const TRANSIT = {
  KMS_PROVIDER: 'transit',
  ROOT_KEY: '',
  VAULT_ADDR: 'https://vault.example:8200',
  VAULT_TRANSIT_KEY: 'metavault',
  VAULT_TOKEN: 'token-of-the-transit-engine',
};
const hasher: KeyHasher = { blindIndex: (value) => Buffer.from(value.split('').reverse().join('')) };

function read(environment: Record<string, string> = {}): SettingsResponse['settings'] {
  const clock = new FakeClock();
  return new SettingsService(testConfig(environment), hasher, clock).read().settings;
}

it('has every setting of .env.example, but for those that are left out for a reason', () => {
  const example = readFileSync(path.resolve(import.meta.dirname, '../../../../.env.example'), 'utf8');
  const named = [...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name ?? '');
  const shown = new Set([read(), read(AWS), read(TRANSIT)].flat().map(({ name }) => name));
  expect([...shown, ...Object.keys(LEFT_OUT)].sort()).toEqual(named.sort());
});

it('shows how people sign in, and the secret of the registration only as a fingerprint', () => {
  const settings = read({
    CONSOLE_OIDC_ISSUER: 'https://id.example/realms/main',
    CONSOLE_OIDC_CLIENT_ID: 'metavault',
    CONSOLE_OIDC_CLIENT_SECRET: 'secret-of-the-registration',
    CONSOLE_OIDC_ROLE_CLAIM: 'groups',
    CONSOLE_OIDC_ROLES: 'admin=vault-admins,auditor=support',
  });
  const find = (name: string) => settings.find((setting) => setting.name === name);
  expect(find('CONSOLE_OIDC_ISSUER')).toMatchObject({ group: 'console', value: 'https://id.example/realms/main' });
  expect(find('CONSOLE_OIDC_ROLES')).toMatchObject({ value: 'admin=vault-admins, auditor=support' });
  expect(find('CONSOLE_OIDC_CLIENT_SECRET')).toMatchObject({ value: null, fingerprint: expect.any(String) });
  expect(JSON.stringify(settings)).not.toContain('secret-of-the-registration');
});

it('never shows the password of a database, nor the command that prints it', () => {
  const settings = read({
    DATABASE_URL: 'postgres://vault:first-password@db.example/vault',
    DATABASE_DIRECT_URL: 'postgres://vault:second-password@direct.example/vault',
    DATABASE_PASSWORD_COMMAND: 'print-password --token third-password',
    DATABASE_BACKGROUND_POOL_SIZE: '7',
  });
  const find = (name: string) => settings.find((setting) => setting.name === name);
  expect(find('DATABASE_DIRECT_URL')).toMatchObject({ value: null, fingerprint: expect.any(String) });
  expect(find('DATABASE_PASSWORD_COMMAND')).toMatchObject({ value: 'set' });
  expect(find('DATABASE_BACKGROUND_POOL_SIZE')).toMatchObject({ value: '7' });
  expect(JSON.stringify(settings)).not.toMatch(/password@|third-password|db\.example|direct\.example/);
});
