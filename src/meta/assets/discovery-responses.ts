import { SecretString } from '../../platform/secret-string.ts';
import { asObject, field, type Json, objectsOf, readId, readStringList, readText } from '../graph/lossless-json.ts';

export interface InstagramAccount {
  id: string;
  username: string | null;
}

export interface DiscoveredPage {
  id: string;
  name: string | null;
  /** Null if the user has no task on the Page. */
  accessToken: SecretString | null;
  /** `MANAGE`, `PROFILE_PLUS_…`; old versions call this field `perms`. */
  tasks: string[];
  /** From both fields that link an account, once each (docs/meta-facts.md#page-tokens). */
  instagramAccounts: InstagramAccount[];
}

export interface AdAccount {
  /** `act_…` */
  id: string;
  name: string | null;
  currency: string | null;
  business: { id: string; name: string | null } | null;
}

export interface WhatsappAccount {
  id: string;
  name: string | null;
}

export interface PhoneNumber {
  id: string;
  displayPhoneNumber: string | null;
  verifiedName: string | null;
  qualityRating: string | null;
  /** `VERIFIED`, `NOT_VERIFIED`, `EXPIRED`; null if not reported. */
  codeVerificationStatus: string | null;
  /** `CLOUD_API`, `ON_PREMISE`, `NOT_APPLICABLE`; null if not reported. */
  platformType: string | null;
  /** True if the number is in use in the WhatsApp Business app; null if not reported. */
  isOnBizApp: boolean | null;
}

export interface Permissions {
  granted: string[];
  declined: string[];
  expired: string[];
}

export interface SubscribedApp {
  id: string;
  name: string | null;
  overrideCallbackUri: string | null;
}

/** Reads an item of `/me/accounts` or a single Page. Returns null without an id. */
export function readPage(item: Json): DiscoveredPage | null {
  const page = asObject(item);
  const id = readId(page, 'id');
  if (id === null) return null;
  const token = readText(page, 'access_token');
  return {
    id,
    name: readText(page, 'name'),
    accessToken: token === null ? null : new SecretString(token),
    tasks: readStringList(page, 'tasks') ?? readStringList(page, 'perms') ?? [],
    instagramAccounts: readInstagramAccounts(page),
  };
}

function readInstagramAccounts(page: ReturnType<typeof asObject>): DiscoveredPage['instagramAccounts'] {
  const accounts = new Map<string, string | null>();
  for (const key of ['instagram_business_account', 'connected_instagram_account']) {
    const account = asObject(field(page, key));
    const id = readId(account, 'id');
    if (id !== null) accounts.set(id, readText(account, 'username') ?? accounts.get(id) ?? null);
  }
  return [...accounts].map(([id, username]) => ({ id, username }));
}

export function readAdAccount(item: Json): AdAccount | null {
  const account = asObject(item);
  const id = readId(account, 'id') ?? readId(account, 'account_id');
  if (id === null) return null;
  const business = asObject(field(account, 'business'));
  const businessId = readId(business, 'id');
  return {
    id: toAdAccountId(id),
    name: readText(account, 'name'),
    currency: readText(account, 'currency'),
    business: businessId === null ? null : { id: businessId, name: readText(business, 'name') },
  };
}

/** Adds the `act_` prefix, which granular scopes leave out. */
export function toAdAccountId(id: string): string {
  return id.startsWith('act_') ? id : `act_${id}`;
}

export function readPhoneNumber(item: Json): PhoneNumber | null {
  const phone = asObject(item);
  const id = readId(phone, 'id');
  if (id === null) return null;
  return {
    id,
    displayPhoneNumber: readText(phone, 'display_phone_number'),
    verifiedName: readText(phone, 'verified_name'),
    qualityRating: readText(phone, 'quality_rating'),
    codeVerificationStatus: readText(phone, 'code_verification_status'),
    platformType: readText(phone, 'platform_type'),
    isOnBizApp: readBoolean(field(phone, 'is_on_biz_app')),
  };
}

function readBoolean(value: Json | undefined): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

/** Groups items of `/me/permissions` by status. Unknown statuses are dropped. */
export function readPermissions(items: readonly Json[]): Permissions {
  const permissions: Permissions = { granted: [], declined: [], expired: [] };
  for (const item of items) {
    const entry = asObject(item);
    const permission = readText(entry, 'permission');
    const status = readText(entry, 'status');
    if (permission === null) continue;
    if (status === 'granted' || status === 'declined' || status === 'expired') permissions[status].push(permission);
  }
  return permissions;
}

/**
 * Reads `{whatsapp_business_api_data: {id, name, link}, override_callback_uri?}`
 * (docs/meta-facts.md#whatsapp-accounts-of-a-token).
 */
export function readSubscribedApp(item: Json): SubscribedApp | null {
  const entry = asObject(item);
  const app = asObject(field(entry, 'whatsapp_business_api_data')) ?? entry;
  const id = readId(app, 'id');
  if (id === null) return null;
  return { id, name: readText(app, 'name'), overrideCallbackUri: readText(entry, 'override_callback_uri') };
}

/** An item of `/{app-id}/subscriptions` (docs/meta-facts.md#webhooks-of-meta). */
export interface WebhookSubscription {
  object: string;
  callbackUrl: string | null;
  active: boolean;
  /** Old API versions return plain names, without a version. */
  fields: { name: string; version: string | null }[];
}

export function readSubscription(item: Json): WebhookSubscription | null {
  const entry = asObject(item);
  const object = readText(entry, 'object');
  if (object === null) return null;
  const named = objectsOf(field(entry, 'fields')).flatMap((value) => {
    const name = readText(value, 'name');
    return name === null ? [] : [{ name, version: readText(value, 'version') }];
  });
  const plain = (readStringList(entry, 'fields') ?? []).map((name) => ({ name, version: null }));
  return {
    object,
    callbackUrl: readText(entry, 'callback_url'),
    active: field(entry, 'active') === true,
    fields: [...named, ...plain],
  };
}
