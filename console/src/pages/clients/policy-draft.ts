import type { components } from '../../../../clients/typescript/src/schema.ts';

type Schemas = components['schemas'];
type Client = Schemas['ClientWithKeysResponse'];
type Allow = Client['allow'];

/** A client's policy as entered in the form. */
export interface PolicyDraft {
  name: string;
  role: Client['role'];
  tenants: string[];
  products: string[];
  lease_modes: string[];
  max_ttl_seconds: number | string;
  /** Empty: no limit. */
  rate_limit_per_second: number | string;
  /** One pattern per line, or JSON by product. Empty: every call. */
  allow: string;
  ip_allow_list: string[];
}

export const NEW_POLICY: PolicyDraft = {
  name: '',
  role: 'service',
  tenants: [],
  products: ['*'],
  lease_modes: ['gateway'],
  max_ttl_seconds: 3600,
  rate_limit_per_second: '',
  allow: '',
  ip_allow_list: [],
};

export function toDraft(client: Client): PolicyDraft {
  return {
    name: client.name,
    role: client.role,
    tenants: [...client.tenants],
    products: [...client.products],
    lease_modes: [...client.lease_modes],
    max_ttl_seconds: client.max_ttl_seconds,
    rate_limit_per_second: client.rate_limit_per_second ?? '',
    allow: allowText(client.allow),
    ip_allow_list: [...(client.ip_allow_list ?? [])],
  };
}

/** Returns the fields as the API expects them. Throws `SyntaxError` if `allow` begins as JSON but is not valid. */
export function toPolicy(draft: PolicyDraft): Omit<Schemas['UpdateClientRequest'], 'identities'> {
  return {
    name: draft.name.trim(),
    tenants: draft.tenants,
    products: draft.products as NonNullable<Schemas['UpdateClientRequest']['products']>,
    lease_modes: draft.lease_modes as NonNullable<Schemas['UpdateClientRequest']['lease_modes']>,
    max_ttl_seconds: Number(draft.max_ttl_seconds),
    rate_limit_per_second: draft.rate_limit_per_second === '' ? null : Number(draft.rate_limit_per_second),
    allow: parseAllow(draft.allow),
    ip_allow_list: draft.ip_allow_list.length === 0 ? null : draft.ip_allow_list,
  };
}

/** Patterns, one per line; JSON if they differ by product. */
export function allowText(allow: Allow): string {
  if (allow === null) return '';
  return Array.isArray(allow) ? allow.join('\n') : JSON.stringify(allow, null, 2);
}

/** Returns null for an empty text. Throws `SyntaxError` for a text that begins as JSON but is not valid. */
export function parseAllow(text: string): Allow {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (trimmed.startsWith('{')) return JSON.parse(trimmed) as Allow;
  return trimmed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Whether `allow` can be parsed; otherwise it must be corrected before anything is sent. */
export function isReadable({ allow }: PolicyDraft): boolean {
  try {
    parseAllow(allow);
    return true;
  } catch {
    return false;
  }
}
