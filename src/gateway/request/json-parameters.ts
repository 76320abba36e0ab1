import { parse, stringify } from 'lossless-json';
import { GatewayError } from '../gateway-error.ts';
import { type ControlParameters, canonicalName, collectParameter, isCredentialName } from './parameters.ts';

/** A JSON object whose numbers keep all digits: ids beyond 2^53 must reach Meta unchanged. */
export type JsonParameters = Record<string, unknown>;

/** Names that could change what the call is: only bodies with one of these, or with an escape that could hide one, are parsed. */
const CONTROL_PARAMETER_HINT =
  /access_?token|appsecret|method|batch|"ids?"|\\u00|(?:override|deauth)[._ ]callback|webhooks?[._ ](?:url|conf|subs)/i;

/** Whether a JSON text must be parsed before it may be passed on. */
export function mayHaveControlParameters(text: string): boolean {
  return CONTROL_PARAMETER_HINT.test(text);
}

/** Strict JSON. A duplicate name is refused, because parsers differ in which one counts. Throws `invalid_request`. */
export function parseJson(text: string): unknown {
  try {
    return parse(text, null, {
      onDuplicateKey: () => {
        throw new SyntaxError('a name comes twice');
      },
    });
  } catch (cause) {
    throw new GatewayError('invalid_request', { detail: 'The JSON cannot be read, or has a name twice.', cause });
  }
}

/** Serializes it again with the same digits. */
export function writeJson(value: unknown): string {
  return stringify(value) ?? 'null';
}

export function isJsonObject(value: unknown): value is JsonParameters {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Collects the members that Meta reads as parameters: the outermost ones. A nested member is data, as
 * `name[access_token]` is in a form, and is passed on unchanged: the call uses the header's token, a lease token is worthless at
 * Meta, and a message may use such a name for its own purposes. Items of a batch are calls, and checked as such.
 */
export function collectJsonParameters(controls: ControlParameters, parameters: JsonParameters): void {
  for (const [key, value] of Object.entries(parameters)) {
    collectParameter(controls, canonicalName(key), typeof value === 'string' ? value : writeJson(value));
  }
}

/** The object without the client's own token and proof, as far as Meta would read them as such: see `collectJsonParameters`. */
export function withoutCredentials(parameters: JsonParameters): JsonParameters {
  return Object.fromEntries(Object.entries(parameters).filter(([key]) => !isCredentialName(canonicalName(key))));
}
