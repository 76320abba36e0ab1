import { PRODUCTS } from '../../config/config.ts';
import { type DeliveredEventType, EVENT_TYPES, TEST_EVENT_TYPE } from '../outbox/event-type.ts';

/** JSON Schema 2020-12. */
export type JsonSchema = { readonly [key: string]: unknown };

/**
 * Increment when a payload's field is removed or changes meaning, and serve both versions. New fields do not change the
 * version, so receivers must tolerate them.
 */
export const SCHEMA_VERSION = 'v1';

const TEXT = { type: 'string' };
const INSTANT = { type: 'string', format: 'date-time' };
const orNull = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });

const DESCRIPTION_FIELDS = {
  reference: { ...orNull(TEXT), description: "The connection's reference when the event happened." },
  metadata: { type: 'object', additionalProperties: TEXT, description: "The connection's metadata then." },
  app_id: { ...TEXT, description: "The app at Meta that the connection's token belongs to, by Meta's id." },
};
const CONNECTION_FIELDS = {
  connection_id: { type: 'string', pattern: '^con_' },
  tenant: TEXT,
  product: { enum: PRODUCTS },
  ...DESCRIPTION_FIELDS,
};
const REQUIRED_CONNECTION_FIELDS = ['connection_id', 'tenant', 'product', 'status'];
const REFRESHED = ['credential_id', 'credential_version', 'expires_at'];
const RELAYED = ['connection_id', 'tenant', 'product', 'asset', 'object', 'entry'];
const UNFINISHED = ['connect_session_id', 'tenant', 'product', 'waba_id', 'business_id', 'reason', 'remedy'];
const EXPIRING = ['cause', 'expires_at', 'days_left'];
const SYNCHRONIZATION_EXPIRING = ['phone_number_id', 'kinds', 'deadline_at'];

const ASSET_REFERENCE = { type: 'object', required: ['type', 'id'], properties: { type: TEXT, id: TEXT } };
const ASSETS = {
  type: 'array',
  maxItems: 100,
  items: {
    type: 'object',
    required: ['type', 'id', 'name', 'usable'],
    properties: { type: TEXT, id: TEXT, name: orNull(TEXT), usable: { type: 'boolean' } },
  },
};

const DATA: Readonly<Record<DeliveredEventType, JsonSchema>> = {
  'app.failing': data(
    'Meta refuses or throttles an app. Told once, until Meta accepts it again or its settings change. No connection ends for it.',
    ['app_id', 'name', 'tenant', 'reason'],
    {
      app_id: { type: 'string', description: "Meta's id of the app." },
      name: { ...orNull(TEXT), description: "Its name here. Null: the environment's app." },
      tenant: { ...orNull(TEXT), description: 'The tenant, if it serves only one.' },
      reason: {
        type: 'object',
        required: ['code', 'detail', 'remedy'],
        properties: { code: { enum: ['app_rejected', 'app_blocked', 'app_throttled'] }, detail: TEXT, remedy: TEXT },
      },
    },
  ),
  'connection.created': data(
    'A user or business connected, or connected again.',
    [...REQUIRED_CONNECTION_FIELDS, 'reconnected'],
    {
      ...CONNECTION_FIELDS,
      status: { enum: ['active', 'reauth_required'] },
      reconnected: { type: 'boolean', description: 'True: an existing connection works again.' },
    },
  ),
  'connection.assets_changed': data(
    'Assets were added, removed, or changed, or became usable or unusable. Lists are cut at 100; counts are not.',
    [...REQUIRED_CONNECTION_FIELDS, 'added', 'changed', 'removed', 'counts'],
    {
      ...CONNECTION_FIELDS,
      status: { enum: ['active', 'reauth_required'] },
      added: ASSETS,
      changed: { ...ASSETS, description: 'A new name, owner, or credential.' },
      removed: { type: 'array', maxItems: 100, items: ASSET_REFERENCE },
      counts: {
        type: 'object',
        required: ['added', 'changed', 'removed', 'assets'],
        properties: {
          added: { type: 'integer' },
          changed: { type: 'integer' },
          removed: { type: 'integer' },
          assets: { type: 'integer', description: 'All assets of the connection now.' },
        },
      },
    },
  ),
  'connection.refreshed': data(
    'A credential has a new version, or lost scopes.',
    [...REQUIRED_CONNECTION_FIELDS, ...REFRESHED],
    {
      ...CONNECTION_FIELDS,
      status: { enum: ['active', 'reauth_required'] },
      credential_id: { type: 'string', pattern: '^crd_' },
      credential_version: { type: 'integer' },
      expires_at: orNull(INSTANT),
      lost_scopes: { type: 'array', items: TEXT, description: 'Scopes the user has since revoked.' },
    },
  ),
  'connection.expiring': data(
    'A connection ends unless the user logs in again.',
    [...REQUIRED_CONNECTION_FIELDS, ...EXPIRING],
    {
      ...CONNECTION_FIELDS,
      status: { const: 'active' },
      cause: { enum: ['data_access_expires', 'token_expires'] },
      expires_at: INSTANT,
      days_left: { type: 'integer' },
    },
  ),
  'connection.reauth_required': data(
    'A connection stops working until the user logs in again.',
    [...REQUIRED_CONNECTION_FIELDS, 'reason'],
    {
      ...CONNECTION_FIELDS,
      status: { const: 'reauth_required' },
      reason: {
        type: 'object',
        required: ['code', 'detail', 'remedy'],
        properties: { code: TEXT, detail: TEXT, remedy: TEXT, meta: { type: 'object' } },
      },
    },
  ),
  'connection.revoked': data('A connection is over for good.', [...REQUIRED_CONNECTION_FIELDS, 'reason'], {
    ...CONNECTION_FIELDS,
    status: { const: 'revoked' },
    reason: TEXT,
  }),
  'connection.synchronization_expiring': data(
    'Contacts or history of a WhatsApp Business app number were not requested. Meta offers them for only a few more hours.',
    [...REQUIRED_CONNECTION_FIELDS, ...SYNCHRONIZATION_EXPIRING],
    {
      ...CONNECTION_FIELDS,
      status: { enum: ['active', 'reauth_required'] },
      phone_number_id: TEXT,
      kinds: {
        type: 'array',
        items: { enum: ['contacts', 'history'] },
        description: 'What has not been requested yet.',
      },
      deadline_at: INSTANT,
    },
  ),
  'connection.unfinished': data(
    'A customer completed a signup at Meta, but its code never arrived, so there is no connection.',
    UNFINISHED,
    {
      connect_session_id: orNull({ type: 'string', pattern: '^cns_' }),
      tenant: { ...orNull(TEXT), description: 'Null, like the session, if none or several match.' },
      product: CONNECTION_FIELDS.product,
      waba_id: { type: 'string', description: 'The WhatsApp Business Account.' },
      business_id: { ...orNull(TEXT), description: 'The portfolio that owns it.' },
      reason: { enum: ['code_not_received', 'session_unknown'] },
      remedy: TEXT,
    },
  ),
  'meta.webhook': {
    anyOf: [
      data('One entry of a Meta webhook whose signature was verified.', RELAYED, {
        connection_id: orNull(CONNECTION_FIELDS.connection_id),
        tenant: orNull(TEXT),
        product: orNull(CONNECTION_FIELDS.product),
        ...DESCRIPTION_FIELDS,
        asset: orNull({ type: 'object', required: ['type', 'id'], properties: { type: TEXT, id: TEXT } }),
        object: { type: 'string', description: 'What the entry is about, as Meta names it.' },
        entry: {
          type: 'object',
          description:
            "Meta's entry as received. Ids exceed 2^53: use a parser that keeps large integers exact, such as lossless-json.",
        },
      }),
      data(
        "An entry whose data was gone before delivery: erased at the user's request or past its retention.",
        ['erased'],
        {
          erased: { const: true },
        },
      ),
    ],
  },
  [TEST_EVENT_TYPE]: data('A test delivery requested by an admin.', ['subscription_id'], {
    subscription_id: { type: 'string', pattern: '^sub_' },
  }),
};

/** Types that have a schema. */
export const SCHEMA_TYPES: readonly string[] = [...EVENT_TYPES, TEST_EVENT_TYPE];

/**
 * The schema of a type's whole body, or null for an unknown type. `base`: where schemas are served, without trailing
 * slash.
 */
export function eventSchema(type: string, base: string): JsonSchema | null {
  if (!SCHEMA_TYPES.includes(type)) return null;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `${base}/${SCHEMA_VERSION}/${type}`,
    title: type,
    type: 'object',
    required: ['type', 'timestamp', 'data'],
    properties: { type: { const: type }, timestamp: INSTANT, data: DATA[type as DeliveredEventType] },
  };
}

function data(description: string, required: readonly string[], properties: JsonSchema): JsonSchema {
  return { type: 'object', description, required, properties };
}
