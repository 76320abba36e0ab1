import { GatewayError } from '../gateway-error.ts';
import { dependsOnMethod, type EffectiveCall, findRefusalReason } from './call-rules.ts';
import { parseSegments, takeVersion } from './gateway-path.ts';
import {
  collectJsonParameters,
  isJsonObject,
  type JsonParameters,
  parseJson,
  withoutCredentials,
  writeJson,
} from './json-parameters.ts';
import {
  type ControlParameters,
  collectParameter,
  createControlParameters,
  isCredentialName,
  joinParameters,
  type Parameter,
  parseParameters,
} from './parameters.ts';

/** Replaces the lease that an item named. */
export interface ItemCredential {
  /** Null: Meta uses the token of the header. */
  accessToken: string | null;
  /** `appsecret_proof`; null if the host does not support it. */
  proof: string | null;
}

/** Authorizes an item by its lease token, if it has one. Throws if the lease is invalid or not for this call. */
export type ItemCredentials = (leaseToken: string | null, call: EffectiveCall) => Promise<ItemCredential>;

/** `{result=name:$.path}`, where Meta inserts part of an earlier response: docs/meta-facts.md#batches */
const REFERENCE = /\{result=[^{}]*\}/g;
/** Only ids may become part of a path: other users may control any other value. */
const ID_REFERENCE = /^\{result=[A-Za-z0-9_-]+:\$\.(?:[A-Za-z0-9_*[\]]+\.)*(?:\*\.)?[a-z_]*id\}$/;
/** Names of plain values that may be inserted into parameters: never a token, a URL that contains one, or an object. */
const PLAIN_NAMES = '(?:[a-z_]*id|h|hash|name|username|message|caption|count)';
const VALUE_REFERENCE = new RegExp(
  String.raw`\{result=[A-Za-z0-9_-]+:\$\.(?:[A-Za-z0-9_*[\]]+\.)*(?:\*\.)?${PLAIN_NAMES}\}`,
  'g',
);
const ANY_REFERENCE = /\{\s*result\s*=/i;
/** A field expansion renamed to a plain name would pass for the plain value. */
const PLAIN_ALIAS = new RegExp(String.raw`\.\s*as\s*\(\s*${PLAIN_NAMES}\s*\)`, 'i');
/** No conditional headers: the response may have been cached under another lease. */
const FORWARDED_HEADERS = /^(?:accept-language|content-type)$/i;
/** Deferred calls are passed on unchanged, so they may have only members that are checked. */
const DEFERRED_CALL_MEMBERS = new Set([
  'method',
  'relative_url',
  'name',
  'body',
  'depends_on',
  'omit_response_on_success',
  'attached_files',
]);
const MAX_RELATIVE_URL_LENGTH = 16 * 1024;

/**
 * Checks each item of a batch like a separate call, and replaces the client's tokens and proofs by the gateway's. One
 * refused item refuses the batch. Throws `GatewayError`.
 */
export async function rewriteBatch(items: unknown, credentials: ItemCredentials): Promise<JsonParameters[]> {
  if (!Array.isArray(items))
    throw new GatewayError('invalid_request', { detail: '(#100) param batch must be an array.' });
  const rewritten: JsonParameters[] = [];
  for (const item of items) rewritten.push(await rewriteItem(item, credentials));
  return rewritten;
}

/**
 * Parses `batch`: JSON text in a form or query; in a JSON body possibly the array itself
 * (docs/meta-facts.md#batches).
 */
export function parseBatch(value: unknown): unknown {
  return typeof value === 'string' ? parseJson(value) : value;
}

/**
 * Parses the calls of `asyncbatch` or `adbatch`, to be checked like separate calls. They are passed on unchanged and
 * run later, so none may contain a token, which Meta would keep beyond its lease. Throws `GatewayError`.
 */
export function parseDeferredCalls(text: string): EffectiveCall[] {
  const items = parseJson(text);
  if (!Array.isArray(items))
    throw new GatewayError('invalid_request', { detail: 'Deferred calls must be a JSON array.' });
  return items.map((item) => {
    // POST is the default: Marketing API, "Asynchronous and Batch Requests".
    const { call, controls } = parseItem(isJsonObject(item) ? { method: 'POST', ...item } : item);
    const unknown = Object.keys(item as JsonParameters).find((name) => !DEFERRED_CALL_MEMBERS.has(name));
    if (unknown !== undefined)
      throw new GatewayError('invalid_request', {
        detail: `A deferred call must not have ${unknown.slice(0, 40)}.`,
      });
    if (controls.tokens.length > 0)
      throw new GatewayError('invalid_request', { detail: 'A deferred call must not contain a token.' });
    return call;
  });
}

/** An item in the form of a separate call. */
interface ParsedBatchItem {
  item: JsonParameters;
  call: EffectiveCall;
  controls: ControlParameters;
  url: ItemUrl;
  body: ItemBody;
}

function parseItem(item: unknown): ParsedBatchItem {
  if (!isJsonObject(item)) throw new GatewayError('invalid_request', { detail: 'A batch item must be an object.' });
  const url = parseUrl(item['relative_url']);
  const body = parseItemBody(item['body']);
  const controls = createControlParameters();
  collectQueryParameters(controls, url.query);
  body.collectParameters(controls);
  const { segments } = takeVersion(url.segments);
  const call = { ...controls, segments, methods: [methodOf(item), ...controls.methods] };
  assertAllowed(call, controls, [url.search, body.text, ...url.query.map(({ value }) => value), ...body.values]);
  return { item, call, controls, url, body };
}

async function rewriteItem(original: unknown, credentials: ItemCredentials): Promise<JsonParameters> {
  const { item, call, controls, url, body } = parseItem(original);
  const [own, ...others] = new Set(controls.tokens);
  if (others.length > 0) throw new GatewayError('invalid_request', { detail: 'A batch item contains two tokens.' });
  const added = credentialParameters(await credentials(own ?? null, call));
  const query = joinParameters(url.query.filter(({ name }) => !isCredentialName(name)));
  const intoBody = body.text !== '' && methodOf(item) !== 'get';
  const search = intoBody ? query : join(query, new URLSearchParams(added).toString());
  return {
    method: methodOf(item).toUpperCase(),
    relative_url: search === '' ? url.path : `${url.path}?${search}`,
    ...(body.text === '' ? {} : { body: body.rewrite(intoBody ? added : {}) }),
    ...pickForwardedMembers(item),
  };
}

function assertAllowed(call: EffectiveCall, controls: ControlParameters, texts: readonly string[]): void {
  if (controls.batches > 0 || controls.deferred.length > 0)
    throw new GatewayError('path_not_allowed', { detail: 'A batch item must not be a batch.' });
  const reason = findRefusalReason(call);
  if (reason !== null) throw new GatewayError('path_not_allowed', { detail: reason });
  if (dependsOnMethod(call.segments) && texts.some((text) => ANY_REFERENCE.test(text))) {
    throw new GatewayError('path_not_allowed', {
      detail: 'An item about permissions must not use values of other items.',
    });
  }
  // Meta inserts the value, so an item could write a token from another item's response anywhere.
  if (
    texts.some((text) => ANY_REFERENCE.test(text.replaceAll(VALUE_REFERENCE, ''))) ||
    call.fields.some((value) => PLAIN_ALIAS.test(value))
  ) {
    throw new GatewayError('path_not_allowed', {
      detail: 'Only ids and plain values of other items may be used.',
    });
  }
}

function methodOf(item: JsonParameters): string {
  const { method } = item;
  if (method === undefined || method === null) return 'get';
  if (typeof method !== 'string' || !/^[A-Za-z]{1,10}$/.test(method)) {
    throw new GatewayError('invalid_request', { detail: 'The method of a batch item is not an HTTP method.' });
  }
  return method.toLowerCase();
}

interface ItemUrl {
  /** For Meta. */
  path: string;
  /** For the checks. */
  segments: string[];
  search: string;
  query: Parameter[];
}

function parseUrl(value: unknown): ItemUrl {
  if (typeof value !== 'string' || value.length > MAX_RELATIVE_URL_LENGTH || value.includes('#')) {
    throw new GatewayError('invalid_request', { detail: 'The relative_url of a batch item is not a relative URL.' });
  }
  const cut = value.indexOf('?');
  const rawPath = cut < 0 ? value : value.slice(0, cut);
  const search = cut < 0 ? '' : value.slice(cut + 1);
  const references = rawPath.match(REFERENCE) ?? [];
  const segments = parseSegments(rawPath.replaceAll(REFERENCE, '~'));
  if (segments === null || !references.every((reference) => ID_REFERENCE.test(reference))) {
    throw new GatewayError('path_not_allowed', { detail: 'The relative_url of a batch item is not a plain path.' });
  }
  // As part of a segment, a reference could complete a forbidden name.
  if (segments.some((segment) => segment.includes('~') && segment !== '~')) {
    throw new GatewayError('path_not_allowed', { detail: 'A reference in a path must be a whole segment.' });
  }
  const query = parseParameters(search);
  if (query === null || query.some(({ name }) => name.includes('{'))) {
    throw new GatewayError('invalid_request', { detail: 'The query of a batch item cannot be parsed.' });
  }
  let next = 0;
  const path = segments.map((segment) => (segment === '~' ? (references[next++] ?? '') : segment)).join('/');
  return { path, segments, search, query };
}

function collectQueryParameters(controls: ControlParameters, query: readonly Parameter[]): void {
  for (const { name, value } of query) collectParameter(controls, name, value);
}

interface ItemBody {
  /** Unchanged; empty without a body. */
  text: string;
  /** Names and values of the parameters, decoded. */
  values: string[];
  collectParameters(controls: ControlParameters): void;
  rewrite(added: Record<string, string>): unknown;
}

/** Parses a form, as documented, or JSON, as text or object, which Meta may accept as well. */
function parseItemBody(value: unknown): ItemBody {
  if (value === undefined || value === null || value === '')
    return { text: '', values: [], collectParameters: () => undefined, rewrite: () => '' };
  if (isJsonObject(value)) return parseJsonItemBody(value, (members) => members);
  if (typeof value !== 'string') throw unreadableItemBodyError();
  if (/^\s*(?:\[|\{(?!result=))/.test(value)) {
    const parsed = parseJson(value);
    if (!isJsonObject(parsed)) throw unreadableItemBodyError();
    return parseJsonItemBody(parsed, writeJson);
  }
  const parameters = parseParameters(value);
  if (parameters === null || parameters.some(({ name }) => name.includes('{'))) throw unreadableItemBodyError();
  return {
    text: value,
    values: parameters.map((parameter) => parameter.value),
    collectParameters: (controls) => collectQueryParameters(controls, parameters),
    rewrite: (added) =>
      join(
        joinParameters(parameters.filter(({ name }) => !isCredentialName(name))),
        new URLSearchParams(added).toString(),
      ),
  };
}

function parseJsonItemBody(members: JsonParameters, write: (members: JsonParameters) => unknown): ItemBody {
  return {
    text: writeJson(members),
    values: [],
    collectParameters: (controls) => collectJsonParameters(controls, members),
    rewrite: (added) => write({ ...withoutCredentials(members), ...added }),
  };
}

function unreadableItemBodyError(): GatewayError {
  return new GatewayError('invalid_request', { detail: 'The body of a batch item cannot be parsed.' });
}

function credentialParameters({ accessToken, proof }: ItemCredential): Record<string, string> {
  return {
    ...(accessToken === null ? {} : { access_token: accessToken }),
    ...(proof === null ? {} : { appsecret_proof: proof }),
  };
}

function join(first: string, second: string): string {
  return first === '' || second === '' ? first + second : `${first}&${second}`;
}

/** Keeps the members that relate items to each other. */
function pickForwardedMembers(item: JsonParameters): JsonParameters {
  const names = ['name', 'depends_on', 'omit_response_on_success', 'attached_files', 'attachedFiles'];
  const forwarded = Object.fromEntries(
    names.filter((name) => item[name] !== undefined).map((name) => [name, item[name]]),
  );
  const headers = filterHeaders(item['headers']);
  return headers.length === 0 ? forwarded : { ...forwarded, headers };
}

/** Keeps headers that don't identify the client. Takes `["Name: value"]` or `[{name, value}]`. */
function filterHeaders(headers: unknown): unknown[] {
  if (!Array.isArray(headers)) return [];
  return headers.filter((header) => {
    const name: unknown =
      typeof header === 'string' ? header.split(':', 1)[0]?.trim() : (header as { name?: unknown })?.name;
    return typeof name === 'string' && FORWARDED_HEADERS.test(name);
  });
}
