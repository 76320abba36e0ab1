import { AppError, invalidInputError, invalidRequest } from '../problem.ts';

/** Deeper than any of our bodies, shallow enough for recursion. */
const MAX_DEPTH = 32;

/**
 * Parses a body that must be a JSON object. Throws 400, naming the place, also for deep nesting, duplicate fields
 * (parsers differ on which one counts), names that reach a prototype, and text that Postgres cannot store.
 */
export function parseJsonBody(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // V8's message quotes the body, which may contain a token.
    throw invalidBodyError('is not valid JSON', error);
  }
  const object = checkJsonObject(value);
  if (countMembers(value) !== countColons(text)) throw duplicateFieldError(text);
  return object;
}

/** Runs the checks of `parseJsonBody` on a value from another parser. */
export function checkJsonObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidBodyError('must be a JSON object');
  checkValue(value, '', 0);
  return value as Record<string, unknown>;
}

function invalidBodyError(message: string, cause?: unknown): AppError {
  return new AppError(invalidRequest, { detail: `The body ${message}.`, errors: [{ path: 'body', message }], cause });
}

function checkValue(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') {
    if (!isStorable(value)) throw invalidInputError(path, 'has a NUL character or half a surrogate pair');
  } else if (typeof value === 'object' && value !== null) {
    if (depth >= MAX_DEPTH) throw invalidInputError(path, `is nested deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) checkValue(item, `${path}[${index}]`, depth + 1);
    } else {
      for (const [key, item] of Object.entries(value))
        checkMember(path === '' ? key : `${path}.${key}`, key, item, depth);
    }
  }
}

function checkMember(path: string, key: string, value: unknown, depth: number): void {
  if (key === '__proto__' || key === 'constructor' || key === 'prototype')
    throw invalidInputError(path, 'is not a field of this body');
  if (!isStorable(key))
    throw invalidInputError('body', 'has a field with a NUL character or half a surrogate pair in its name');
  checkValue(value, path, depth + 1);
}

/** Whether Postgres can store the text: no NUL, well-formed UTF-16. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text);
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const item of Object.values(value)) count += countMembers(item);
  return count;
}

/** Counts colons outside strings. Valid JSON has one per member, duplicates included. */
function countColons(json: string): number {
  let count = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i);
    if (unit === 0x5c) i++;
    else if (unit === 0x22) inString = !inString;
    else if (unit === 0x3a && !inString) count++;
  }
  return count;
}

/** Names the first duplicate field in valid JSON. */
function duplicateFieldError(json: string): AppError {
  const objects: Set<string>[] = [];
  let text = '';
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') objects.push(new Set());
    else if (token === '}' || token === ']') objects.pop();
    else if (token !== ':') text = token;
    else {
      const name = JSON.parse(text) as string;
      if (objects.at(-1)?.has(name) === true) return invalidInputError(name, 'is given more than once');
      objects.at(-1)?.add(name);
    }
  }
  return invalidBodyError('has a field more than once');
}
