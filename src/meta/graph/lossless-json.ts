import { parse } from 'lossless-json';

/** What a response of Meta can hold. Integers beyond 2^53 are strings here, digit by digit (META.md 7: numeric 17-digit ids). */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Digits of an integer as a number where that is exact, else as the text itself. */
function exactNumber(digits: string): number | string {
  if (!/^-?\d+$/.test(digits)) return Number.parseFloat(digits);
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : digits;
}

/** JSON with exact ids; `undefined` where the text is no JSON (HTML, `NOT FOUND`, empty, too deep). Never throws. */
export function parseLossless(text: string): Json | undefined {
  try {
    return parse(text, null, { parseNumber: exactNumber, onDuplicateKey: ({ newValue }) => newValue }) as Json;
  } catch {
    return undefined;
  }
}

/** The value as an object, or null where it is anything else. */
export function asObject(value: Json | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}

/** An own property; inherited names (`constructor`) do not count. */
export function field(object: JsonObject | null, key: string): Json | undefined {
  return object !== null && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The objects of an array; an empty list where it is none. */
export function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject).filter((item) => item !== null) : [];
}

/** A string that is not empty. */
export function readText(object: JsonObject | null, key: string): string | null {
  const value = field(object, key);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** An id as a string, whether Meta wrote a string or a number (META.md: old fixtures and Instagram have numbers). */
export function readId(object: JsonObject | null, key: string): string | null {
  const value = field(object, key);
  return typeof value === 'number' ? String(value) : readText(object, key);
}

/** A finite number, also from a numeric string. */
export function readNumber(object: JsonObject | null, key: string): number | null {
  const value = field(object, key);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return null;
  return Number(value);
}

/** A list of strings from an array, or from one string with commas or spaces (META.md 7: `permissions` comes as both). */
export function readStringList(object: JsonObject | null, key: string): string[] | null {
  const value = field(object, key);
  if (typeof value === 'string') return value.split(/[\s,]+/).filter((item) => item !== '');
  if (!Array.isArray(value)) return null;
  return value
    .map((item) => (typeof item === 'number' ? String(item) : item))
    .filter((item) => typeof item === 'string');
}
