/** One parameter of a query or form. */
export interface Parameter {
  /** Unchanged, for passing on. */
  raw: string;
  /** The name as Meta's parser reads it: see `canonicalName`. */
  name: string;
  /** Decoded. */
  value: string;
}

/** Parameters of the client that are not passed on: the token, and its proof. */
const CREDENTIAL_NAMES = new Set(['access_token', 'appsecret_proof', 'appsecret_time']);

/** The parameters of a query or form in their order; null where one cannot be decoded. */
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

/** Serializes them unchanged. */
export function joinParameters(parameters: readonly Parameter[]): string {
  let text = '';
  for (const { raw } of parameters) text += text === '' ? raw : `&${raw}`;
  return text;
}

/** Whether Meta would read a parameter of this name as the token or its proof. */
export function isCredentialName(canonical: string): boolean {
  return CREDENTIAL_NAMES.has(canonical);
}

const PLAIN_NAME = /^[a-z0-9_]+$/;

/**
 * A parameter's name as Meta's server, which grew out of PHP, reads it: leading blanks are dropped, dots and blanks become underscores,
 * `name[…]` is an entry of `name`. Case is ignored too, in case Meta does.
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

/** The parameters that determine what the call is, from query and body. */
export interface ControlParameters {
  tokens: string[];
  /** Lower case, trimmed. */
  methods: string[];
  fields: string[];
  ids: string[];
  /** Names of parameters that tell Meta where webhooks go, or that none are wanted. */
  callbacks: string[];
  /** How many `batch` parameters there are, in any form. */
  batches: number;
  /** Values of `asyncbatch` and `adbatch`: calls that Meta makes later. */
  deferred: string[];
}

/** Parameters that contain calls which Meta makes later: Graph's asynchronous batches, and those of the Marketing API. */
const DEFERRED_BATCH_NAMES = new Set(['asyncbatch', 'adbatch']);
/**
 * Parameters that move or end webhooks, whatever they are sent to: of a WhatsApp account or phone number (docs/meta-facts.md; both names of
 * a number's are in Meta's OpenAPI description of `POST /{phone-number-id}`), of a Page, and of the app itself.
 */
const CALLBACK_NAMES = new Set([
  'override_callback_uri',
  'webhook_configuration',
  'webhook_url',
  'is_webhooks_subscribed',
  'deauth_callback_url',
]);
/** Parameters that determine what a call is: refused where they cannot be checked. */
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

/** Whether a parameter of this name must be checked before its call may pass. */
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
