/** One parameter of a query or form. */
export interface Parameter {
  /** As received. */
  raw: string;
  /** The name as Meta's parser reads it: see `canonicalName`. */
  name: string;
  /** Decoded. */
  value: string;
}

/** The client's token and proof, which are not passed on. */
const CREDENTIAL_NAMES = new Set(['access_token', 'appsecret_proof', 'appsecret_time']);

/** Parses a query or form; null if a parameter can't be decoded. */
export function parseParameters(text: string): Parameter[] | null {
  if (text === '') return [];
  const parameters: Parameter[] = [];
  for (const raw of text.split('&')) {
    if (raw === '') continue;
    const cut = raw.indexOf('=');
    const name = decodeComponent(cut < 0 ? raw : raw.slice(0, cut));
    const value = cut < 0 ? '' : decodeComponent(raw.slice(cut + 1));
    if (name === null || value === null) return null;
    parameters.push({ raw, name: canonicalName(name), value });
  }
  return parameters;
}

/** Serializes parameters as received. */
export function joinParameters(parameters: readonly Parameter[]): string {
  let text = '';
  for (const { raw } of parameters) text += text === '' ? raw : `&${raw}`;
  return text;
}

/** Returns whether Meta reads a parameter of this name as the token or its proof. */
export function isCredentialName(canonical: string): boolean {
  return CREDENTIAL_NAMES.has(canonical);
}

const PLAIN_NAME = /^[a-z0-9_]+$/;

/**
 * Normalizes a parameter name as PHP does, from which Meta's server descends: drops leading blanks, turns dots and
 * blanks into underscores, reads `name[…]` as `name`. Also ignores case, in case Meta does.
 */
export function canonicalName(name: string): string {
  if (PLAIN_NAME.test(name)) return name;
  return name
    .normalize('NFKC')
    .replaceAll('\0', '')
    .trimStart()
    .split('[', 1)
    .join('')
    .trimEnd()
    .replaceAll(/[. ]/g, '_')
    .toLowerCase();
}

function decodeComponent(text: string): string | null {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

/** Parameters of query and body that determine what a call does. */
export interface ControlParameters {
  tokens: string[];
  /** Lower case, trimmed. */
  methods: string[];
  fields: string[];
  ids: string[];
  /** Names of parameters that move or end webhooks. */
  callbacks: string[];
  /** Number of `batch` parameters in any form. */
  batches: number;
  /** Values of `asyncbatch` and `adbatch`, whose calls Meta runs later. */
  deferred: string[];
}

/** Contain calls that Meta runs later: asynchronous batches of the Graph and Marketing APIs. */
const DEFERRED_BATCH_NAMES = new Set(['asyncbatch', 'adbatch']);
/**
 * Parameters that move or end webhooks, of a WhatsApp account, number, Page or app:
 * docs/meta-facts.md#whatsapp-accounts-of-a-token
 */
const CALLBACK_NAMES = new Set([
  'override_callback_uri',
  'webhook_configuration',
  'webhook_url',
  'is_webhooks_subscribed',
  'deauth_callback_url',
]);
/** Parameters that determine what a call does. Refused where they can't be checked. */
const CONTROL_NAMES = new Set([
  ...CREDENTIAL_NAMES,
  ...DEFERRED_BATCH_NAMES,
  ...CALLBACK_NAMES,
  'method',
  'batch',
  'fields',
  'id',
  'ids',
]);

/** Returns whether a parameter of this name must be checked before its call is passed on. */
export function isControlName(canonical: string): boolean {
  return CONTROL_NAMES.has(canonical);
}

export function createControlParameters(): ControlParameters {
  return { tokens: [], methods: [], fields: [], ids: [], callbacks: [], batches: 0, deferred: [] };
}

/** Collects one parameter. `name` is canonical. */
export function collectParameter(controls: ControlParameters, name: string, value: string): void {
  if (name === 'access_token') controls.tokens.push(value);
  else if (name === 'method') controls.methods.push(value.trim().toLowerCase());
  else if (name === 'fields') controls.fields.push(value);
  else if (name === 'id' || name === 'ids') controls.ids.push(value);
  else if (name === 'batch') controls.batches++;
  else if (CALLBACK_NAMES.has(name)) controls.callbacks.push(name);
  else if (DEFERRED_BATCH_NAMES.has(name)) controls.deferred.push(value);
}
