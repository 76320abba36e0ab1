import { parse } from 'lossless-json';

/**
 * JSON from Meta. Integers beyond 2^53 are strings, so that long ids stay exact (docs/meta-facts.md#instagram-login).
 */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Returns an integer as a number if that is exact, else its digits. */
function exactNumber(digits: string): number | string {
  if (!/^-?\d+$/.test(digits)) return Number.parseFloat(digits);
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : digits;
}

/** Parses JSON with exact ids. Returns `undefined` for non-JSON (HTML, `NOT FOUND`, empty, too deep). Never throws. */
export function parseLossless(text: string): Json | undefined {
  try {
    return parse(text, null, { parseNumber: exactNumber, onDuplicateKey: ({ newValue }) => newValue }) as Json;
  } catch {
    return undefined;
  }
}

/** Returns the value if it is an object, else null. */
export function asObject(value: Json | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}

/** Reads an own property, so inherited names (`constructor`) do not count. */
export function field(object: JsonObject | null, key: string): Json | undefined {
  return object !== null && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Returns the objects in an array; empty if the value is no array. */
export function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject).filter((item) => item !== null) : [];
}

/** Reads a non-empty string. */
export function readText(object: JsonObject | null, key: string): string | null {
  const value = field(object, key);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Reads an id as a string. Instagram and old versions send numbers. */
export function readId(object: JsonObject | null, key: string): string | null {
  const value = field(object, key);
  return typeof value === 'number' ? String(value) : readText(object, key);
}

/** Reads a finite number or numeric string. */
export function readNumber(object: JsonObject | null, key: string): number | null {
  const value = field(object, key);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return null;
  return Number(value);
}

/** Reads strings from an array or a comma- or space-separated string (docs/meta-facts.md#instagram-login). */
export function readStringList(object: JsonObject | null, key: string): string[] | null {
  const value = field(object, key);
  if (typeof value === 'string') return value.split(/[\s,]+/).filter((item) => item !== '');
  if (!Array.isArray(value)) return null;
  return value
    .map((item) => (typeof item === 'number' ? String(item) : item))
    .filter((item) => typeof item === 'string');
}
