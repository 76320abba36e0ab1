import { SecretString } from '../../platform/secret-string.ts';
import { withoutFragmentSuffix } from './fragment-suffix.ts';

/** The query as parsed by Fastify: a repeated parameter is an array. */
export type CallbackQuery = Readonly<Record<string, unknown>>;

/**
 * The ways a browser returns from a dialog (docs/meta-facts.md#oauth-dialog). `state` is null if missing or repeated.
 */
export type CallbackOutcome =
  | { kind: 'code'; code: SecretString; state: string }
  /** The user declined. */
  | { kind: 'denied'; state: string | null }
  /** The app is not public: error code 901, or a response without `error`. */
  | { kind: 'app_unavailable'; state: string | null; errorCode: number | null }
  /** Meta's error code if it is a plain word. Never the description. */
  | { kind: 'error'; state: string | null; error: string | null; errorCode: number | null }
  | { kind: 'malformed'; state: string | null };

const MAX_CODE_LENGTH = 4096;
const MAX_STATE_LENGTH = 1024;
const PARAMETERS = [
  'code',
  'state',
  'error',
  'error_code',
  'error_reason',
  'error_description',
  'error_message',
] as const;

/** Parses a callback's query. Never throws. */
export function parseCallbackQuery(query: CallbackQuery): CallbackOutcome {
  const values = new Map<string, string>();
  for (const name of PARAMETERS) {
    const value = Object.hasOwn(query, name) ? query[name] : undefined;
    if (value === undefined) continue;
    if (typeof value !== 'string') return { kind: 'malformed', state: name === 'state' ? null : readState(query) };
    values.set(name, value);
  }
  const state = readState(query);
  const errorCode = readErrorCode(values.get('error_code'));
  if (values.has('error') || values.has('error_code') || values.has('error_message')) {
    return values.has('code') ? { kind: 'malformed', state } : readErrorOutcome(values, errorCode, state);
  }
  const code = withoutFragmentSuffix(values.get('code') ?? '');
  if (code === '' || code.length > MAX_CODE_LENGTH || state === null) return { kind: 'malformed', state };
  return { kind: 'code', code: new SecretString(code), state };
}

function readErrorOutcome(
  values: Map<string, string>,
  errorCode: number | null,
  state: string | null,
): CallbackOutcome {
  const error = values.get('error');
  if (errorCode === 901 || error === undefined || error === '') return { kind: 'app_unavailable', state, errorCode };
  const reason = withoutFragmentSuffix(values.get('error_reason') ?? '');
  if (withoutFragmentSuffix(error) === 'access_denied' || reason === 'user_denied') return { kind: 'denied', state };
  return { kind: 'error', state, error: /^[a-z_]{1,64}$/i.test(error) ? error : null, errorCode };
}

function readState(query: CallbackQuery): string | null {
  const value = Object.hasOwn(query, 'state') ? query['state'] : undefined;
  if (typeof value !== 'string') return null;
  const state = withoutFragmentSuffix(value);
  return state === '' || state.length > MAX_STATE_LENGTH ? null : state;
}

function readErrorCode(value: string | undefined): number | null {
  const digits = withoutFragmentSuffix(value ?? '');
  return /^\d{1,9}$/.test(digits) ? Number(digits) : null;
}
