import { describe, expect, it } from '@jest/globals';
import type { ConsoleConfig } from '../../../src/config/config.ts';
import { readConsole } from '../../../src/config/console-settings.ts';
import { EnvironmentReader } from '../../../src/config/environment-reader.ts';

const ISSUER = {
  CONSOLE_OIDC_ISSUER: 'https://id.example/realms/main',
  CONSOLE_OIDC_CLIENT_ID: 'metavault',
  CONSOLE_OIDC_ROLE_CLAIM: 'groups',
  CONSOLE_OIDC_ROLES: 'admin=vault-admins, auditor=cn=support',
};

function read(
  environment: Record<string, string>,
  isProduction = false,
): ConsoleConfig & { reader: EnvironmentReader } {
  const reader = new EnvironmentReader(environment);
  return { ...readConsole(reader, isProduction), reader };
}

describe('keys', () => {
  it('sign in everywhere but in production, unless the setting says otherwise', () => {
    expect(read({}).keySignIn).toBe(true);
    expect(read({}, true).keySignIn).toBe(false);
    expect(read({ CONSOLE_KEY_SIGN_IN: 'false' }).keySignIn).toBe(false);
    expect(read({ CONSOLE_KEY_SIGN_IN: 'yes' }).reader.faults).toHaveLength(1);
  });

  it('in production without an issuer are worth a warning', () => {
    expect(read({ CONSOLE_KEY_SIGN_IN: 'true' }, true).reader.warnings).toHaveLength(1);
    expect(read({ ...ISSUER, CONSOLE_KEY_SIGN_IN: 'true' }, true).reader.warnings).toEqual([]);
  });
});

describe('the identity provider', () => {
  it('has defaults for what need not be said', () => {
    const { oidc, reader } = read({ ...ISSUER, CONSOLE_OIDC_SCOPES: 'groups' });
    expect(reader.faults).toEqual([]);
    expect(oidc).toEqual({
      issuer: 'https://id.example/realms/main',
      name: 'id.example',
      clientId: 'metavault',
      clientSecret: null,
      scope: 'openid groups',
      roleClaim: 'groups',
      roles: [
        { role: 'admin', value: 'vault-admins' },
        { role: 'auditor', value: 'cn=support' },
      ],
      tenantsClaim: null,
      sessionSeconds: 12 * 3600,
    });
    expect(read(ISSUER).oidc?.scope).toBe('openid profile email');
    expect(read({}).oidc).toBeNull();
  });

  it.each([
    [{ CONSOLE_OIDC_ISSUER: 'https://id.example' }, 3],
    [{ CONSOLE_OIDC_CLIENT_ID: 'metavault' }, 1],
    [{ ...ISSUER, CONSOLE_OIDC_ISSUER: 'http://id.example' }, 1],
    [{ ...ISSUER, CONSOLE_OIDC_ROLES: 'vault-admins' }, 1],
    [{ ...ISSUER, CONSOLE_OIDC_SESSION_MINUTES: '721' }, 1],
    [{ ...ISSUER, CONSOLE_OIDC_CLIENT_SECRET: 'with a space' }, 1],
  ])('is refused half-set or malformed: %j', (environment, count) => {
    expect(read(environment).reader.faults).toHaveLength(count);
  });

  it('may be http on loopback, outside of production', () => {
    const loopback = { ...ISSUER, CONSOLE_OIDC_ISSUER: 'http://127.0.0.1:8080' };
    expect(read(loopback).reader.faults).toEqual([]);
    expect(read(loopback, true).reader.faults).toHaveLength(1);
  });
});
