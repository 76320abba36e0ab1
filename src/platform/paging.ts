import { decodeBase64Url } from './base64.ts';
import { ID_PATTERN } from './ids.ts';
import { invalidInputError } from './problem.ts';

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 200;

/** A word and a text; Postgres accepts no NUL. */
const KEY_PATTERN = /^([a-z_]{1,64}) ([^\0]{1,128})$/;

/** Decodes a cursor to the id that the page starts after. Returns null for the first page; throws 400 if invalid. */
export function decodeCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const id = decodeBase64Url(cursor)?.toString('utf8');
  if (id === undefined || !ID_PATTERN.test(id))
    throw invalidInputError('cursor', 'is not a cursor that this service gave');
  return id;
}

/** Encodes the cursor of a page that begins after this id. */
export function encodeCursor(id: string): string {
  return Buffer.from(id, 'utf8').toString('base64url');
}

/** Builds a page from rows that were read with `limit + 1`, keyed by id. */
export function toPage<R extends { id: string }, T>(rows: R[], limit: number, format: (row: R) => T): Page<T> {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    data: shown.map(format),
    next_cursor: last === undefined ? null : encodeCursor(last.id),
  };
}

/** Decodes a cursor of a list that is ordered by two texts. Returns null for the first page; throws 400 if invalid. */
export function decodeKeyCursor(cursor: string | undefined): [string, string] | null {
  if (cursor === undefined) return null;
  const text = decodeBase64Url(cursor)?.toString('utf8') ?? '';
  const [, first, second] = KEY_PATTERN.exec(text) ?? [];
  if (first === undefined || second === undefined)
    throw invalidInputError('cursor', 'is not a cursor that this service gave');
  return [first, second];
}

/** Builds a page from rows that were read with `limit + 1`, ordered by a word and a text. */
export function toKeyPage<R, T>(
  rows: R[],
  limit: number,
  keyOf: (row: R) => [string, string],
  format: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    data: shown.map(format),
    next_cursor: last === undefined ? null : Buffer.from(keyOf(last).join(' '), 'utf8').toString('base64url'),
  };
}
