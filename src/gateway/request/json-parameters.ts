import { parse, stringify } from 'lossless-json';
import { GatewayError } from '../gateway-error.ts';
import { type ControlParameters, canonicalName, collectParameter, isCredentialName } from './parameters.ts';

/** A JSON object that keeps all digits of numbers: ids above 2^53 must reach Meta unchanged. */
export type JsonParameters = Record<string, unknown>;

/** Names that change what a call does, and escapes that could hide one. Other bodies need not be parsed. */
const CONTROL_PARAMETER_HINT =
  /access_?token|appsecret|method|batch|"ids?"|\\u00|(?:override|deauth)[._ ]callback|webhooks?[._ ](?:url|conf|subs)/i;

/** Returns whether JSON must be parsed before it is passed on. */
export function mayHaveControlParameters(text: string): boolean {
  return CONTROL_PARAMETER_HINT.test(text);
}

/**
 * Parses strict JSON. Refuses duplicate names, because parsers differ in which one they use. Throws `invalid_request`.
 */
export function parseJson(text: string): unknown {
  try {
    return parse(text, null, {
      onDuplicateKey: () => {
        throw new SyntaxError('a name comes twice');
      },
    });
  } catch (cause) {
    throw new GatewayError('invalid_request', { detail: 'The JSON is not valid, or a name occurs twice.', cause });
  }
}

/** Serializes JSON with the digits it came with. */
export function writeJson(value: unknown): string {
  return stringify(value) ?? 'null';
}

export function isJsonObject(value: unknown): value is JsonParameters {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Collects the members that Meta reads as parameters: the outermost ones. Nested members are data, as
 * `name[access_token]` is in a form, and are passed on unchanged: the call uses the header's token, lease tokens mean
 * nothing to Meta, and messages may use such names. Batch items are checked as calls.
 */
export function collectJsonParameters(controls: ControlParameters, parameters: JsonParameters): void {
  for (const [key, value] of Object.entries(parameters)) {
    collectParameter(controls, canonicalName(key), typeof value === 'string' ? value : writeJson(value));
  }
}

/** Removes the client's token and proof where Meta would read them: see `collectJsonParameters`. */
export function withoutCredentials(parameters: JsonParameters): JsonParameters {
  return Object.fromEntries(Object.entries(parameters).filter(([key]) => !isCredentialName(canonicalName(key))));
}
