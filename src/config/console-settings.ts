import { isIssuer } from './auth-settings.ts';
import type { ConsoleConfig, ConsoleOidcConfig } from './config.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { readSecret } from './setting-readers.ts';

/** No session lives longer (docs/console.md#sessions). */
const MAX_SESSION_MINUTES = 12 * 60;
const DEFAULT_SCOPE = 'openid profile email';
const NEEDED = ['CONSOLE_OIDC_CLIENT_ID', 'CONSOLE_OIDC_ROLE_CLAIM', 'CONSOLE_OIDC_ROLES'] as const;
const OPTIONAL = [
  'CONSOLE_OIDC_NAME',
  'CONSOLE_OIDC_CLIENT_SECRET',
  'CONSOLE_OIDC_SCOPES',
  'CONSOLE_OIDC_TENANTS_CLAIM',
  'CONSOLE_OIDC_SESSION_MINUTES',
] as const;
/** A role, and a value of the claim. */
const MAPPING = /^([a-z_]{1,32})=(\S.{0,254})$/;
const CLAIM = /^[\x21-\x7e]{1,200}$/;
const CLAIM_FORM = 'the name of a claim, or a path such as realm_access.roles';

/** Reads how people sign in to the console. Warns if production allows sign-in with keys but has no issuer. */
export function readConsole(reader: EnvironmentReader, isProduction: boolean): ConsoleConfig {
  const keySignIn = reader.oneOf('CONSOLE_KEY_SIGN_IN', ['true', 'false'], isProduction ? 'false' : 'true') === 'true';
  const oidc = readConsoleOidc(reader, isProduction);
  if (isProduction && keySignIn && oidc === null)
    reader.warn(
      'CONSOLE_KEY_SIGN_IN',
      'lets keys sign in to the console in production: set CONSOLE_OIDC_ISSUER, so that people have sign-ins of their own.',
    );
  return { keySignIn, oidc };
}

function readConsoleOidc(reader: EnvironmentReader, isProduction: boolean): ConsoleOidcConfig | null {
  const issuer = reader.text('CONSOLE_OIDC_ISSUER');
  if (issuer === null) {
    const stray = [...NEEDED, ...OPTIONAL].find((name) => reader.text(name) !== null);
    if (stray !== undefined) reader.fault(stray, 'needs CONSOLE_OIDC_ISSUER; set both or neither.');
    return null;
  }
  if (!isIssuer(issuer, isProduction)) {
    reader.fault('CONSOLE_OIDC_ISSUER', 'must be the https:// URL of the issuer exactly as in its tokens.');
    return null;
  }
  for (const name of NEEDED)
    if (reader.text(name) === null) reader.fault(name, 'is missing although CONSOLE_OIDC_ISSUER is set; set it, too.');
  const scope = reader.matching('CONSOLE_OIDC_SCOPES', /^[\x21-\x7e]+( [\x21-\x7e]+)*$/, 'scopes, separated by spaces');
  const mappings = reader.list(
    'CONSOLE_OIDC_ROLES',
    (item) => MAPPING.test(item),
    'pairs of a role and a value of CONSOLE_OIDC_ROLE_CLAIM, such as admin=vault-admins',
  );
  return {
    issuer,
    name:
      reader.matching('CONSOLE_OIDC_NAME', /^[^\p{Cc}]{1,60}$/u, 'a name of at most 60 characters') ?? hostOf(issuer),
    clientId: reader.matching('CONSOLE_OIDC_CLIENT_ID', /^[\x21-\x7e]{1,300}$/, 'the client id at the issuer') ?? '',
    clientSecret: readSecret(
      reader,
      'CONSOLE_OIDC_CLIENT_SECRET',
      /^[\x21-\x7e]{1,500}$/,
      'a client secret, without spaces',
    ),
    scope: scope === null ? DEFAULT_SCOPE : withOpenid(scope),
    roleClaim: reader.matching('CONSOLE_OIDC_ROLE_CLAIM', CLAIM, CLAIM_FORM) ?? '',
    roles: (mappings ?? []).flatMap(toMapping),
    tenantsClaim: reader.matching('CONSOLE_OIDC_TENANTS_CLAIM', CLAIM, CLAIM_FORM),
    sessionSeconds: 60 * reader.integer('CONSOLE_OIDC_SESSION_MINUTES', MAX_SESSION_MINUTES, 5, MAX_SESSION_MINUTES),
  };
}

function toMapping(item: string): { role: string; value: string }[] {
  const [, role, value] = MAPPING.exec(item) ?? [];
  return role === undefined || value === undefined ? [] : [{ role, value }];
}

function withOpenid(scope: string): string {
  return scope.split(' ').includes('openid') ? scope : `openid ${scope}`;
}

function hostOf(issuer: string): string {
  return new URL(issuer).host;
}
