import { parse, stringify } from 'lossless-json';
import { GatewayError } from '../gateway-error.ts';
import { type ControlParameters, canonicalName, collectParameter, isCredentialName } from './parameters.ts';

/** A JSON object whose numbers keep every digit (`LosslessNumber`): ids beyond 2^53 must go on to Meta as they came. */
export type JsonParameters = Record<string, unknown>;

/** Words that could make a body more than its fields: only then is it read at all. An escape could hide one. */
const CONTROL_PARAMETER_HINT = /access_?token|appsecret|method|batch|"ids?"|\\u00/i;

/** Whether a JSON text must be read before it may pass. */
export function mayHaveControlParameters(text: string): boolean {
  return CONTROL_PARAMETER_HINT.test(text);
}

/** Strict JSON. A name that comes twice is refused, because readers differ in which one counts. Throws `invalid_request`. */
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

/** Text again, digit by digit the same numbers. */
export function writeJson(value: unknown): string {
  return stringify(value) ?? 'null';
}

export function isJsonObject(value: unknown): value is JsonParameters {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Takes note of the members of an object that Meta reads as parameters: the outermost ones. A member of a member is data, as
 * `name[access_token]` is in a form, and goes on as it came: the call runs on the header's token, a lease token is worth nothing at
 * Meta, and a message may hold such a name for reasons of its own. Items of a batch are calls, and judged as such.
 */
export function collectJsonParameters(controls: ControlParameters, parameters: JsonParameters): void {
  for (const [key, value] of Object.entries(parameters)) {
    collectParameter(controls, canonicalName(key), typeof value === 'string' ? value : writeJson(value));
  }
}

/** The object without the caller's own token and proof, as far as Meta would take them for such: see `collectJsonParameters`. */
export function withoutCredentials(parameters: JsonParameters): JsonParameters {
  return Object.fromEntries(Object.entries(parameters).filter(([key]) => !isCredentialName(canonicalName(key))));
}
