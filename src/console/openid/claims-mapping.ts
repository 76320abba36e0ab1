import { ROLES, type Role } from '../../auth/authenticated-client.ts';
import type { ConsoleOidcConfig } from '../../config/config.ts';
import { ConfigError } from '../../config/environment-reader.ts';
import { TENANT_OR_ALL_PATTERN } from '../../config/tenant.ts';
import { canSignIn } from '../sign-in/console-roles.ts';
import { OpenIdError } from './open-id-error.ts';

/** The claims of an ID token or of the UserInfo endpoint (OpenID Connect Core 1.0, section 5.1). */
export type Claims = Readonly<Record<string, unknown>>;

/** What a person may do. */
export interface Entitlement {
  role: Role;
  tenants: string[];
}

const EVERY_TENANT = '*';

/** Throws `ConfigError` if `CONSOLE_OIDC_ROLES` names a role that people can't have. */
export function checkRoles({ roles }: ConsoleOidcConfig): void {
  const possible = ROLES.filter(canSignIn);
  const wrong = roles.find(({ role }) => !possible.some((each) => each === role));
  if (wrong === undefined) return;
  throw new ConfigError([`CONSOLE_OIDC_ROLES must map to ${possible.join(', ')}; ${wrong.role} is none of them.`]);
}

/** Whether the claims include the one that decides the role. */
export function hasRoleClaim(config: ConsoleOidcConfig, claims: Claims): boolean {
  return claimOf(claims, config.roleClaim) !== undefined;
}

/**
 * Returns the role and tenants that the claims give. Without a claim for tenants, or for an admin whose claims name
 * none, all of them; never for a `tenant_admin`, whose tenants must be named. Throws `OpenIdError`.
 */
export function toEntitlement(config: ConsoleOidcConfig, claims: Claims, subject: string): Entitlement {
  const values = textsOf(claimOf(claims, config.roleClaim));
  const mapping = config.roles.find(({ value }) => values.includes(value));
  const role = ROLES.find((each) => each === mapping?.role);
  if (role === undefined || !canSignIn(role)) throw new OpenIdError('role_missing', subject);
  const tenants = tenantsOf(config, claims, role);
  if (tenants.length === 0 || (role === 'tenant_admin' && tenants.includes(EVERY_TENANT)))
    throw new OpenIdError('tenants_missing', subject);
  return { role, tenants };
}

function tenantsOf({ tenantsClaim }: ConsoleOidcConfig, claims: Claims, role: Role): string[] {
  if (tenantsClaim === null) return [EVERY_TENANT];
  const tenants = textsOf(claimOf(claims, tenantsClaim)).filter((each) => TENANT_OR_ALL_PATTERN.test(each));
  return tenants.length === 0 && role === 'admin' ? [EVERY_TENANT] : tenants;
}

/** What the console and the record call the person. */
export function nameOf(claims: Claims, subject: string): string {
  const names = [claims['name'], claims['preferred_username'], claims['email']];
  const name = names.find((each): each is string => typeof each === 'string' && each.trim() !== '') ?? subject;
  return name.replaceAll(/\p{Cc}/gu, ' ').slice(0, 200);
}

/** A claim by its name, which may be a URL, or else by a path of names (`realm_access.roles`). */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let found: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) return undefined;
    found = (found as Claims)[part];
  }
  return found;
}

function textsOf(claim: unknown): string[] {
  return [claim].flat().filter((each): each is string => typeof each === 'string');
}
