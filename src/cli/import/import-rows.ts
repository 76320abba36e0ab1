import { StartupError } from '../../bootstrap/startup-error.ts';
import type { Metadata } from '../../connections/description/description.ts';
import { SecretString } from '../../platform/secret-string.ts';

/** A token to import. */
export interface ImportRow {
  /** Line in the file, from 1. */
  line: number;
  tenant: string;
  product: string;
  token: SecretString;
  /** Column `app_id`, if there is one with a value: the Meta app that the token belongs to. */
  appId?: string;
  /** Column `reference`, if there is one with a value. */
  reference?: string;
  /** Columns `metadata.<key>` with a value; in JSON lines the object `metadata`. */
  metadata?: Metadata;
}

/** A line that can't be used. `fault` completes "The line …" and never quotes it. */
export interface InvalidRow {
  line: number;
  fault: string;
}

const COLUMNS = ['tenant', 'product', 'access_token'] as const;
const OPTIONAL_COLUMNS = ['app_id', 'reference'] as const;
const METADATA = 'metadata';
const METADATA_COLUMN = `${METADATA}.`;
type Column = (typeof COLUMNS)[number] | (typeof OPTIONAL_COLUMNS)[number];

/**
 * Parses JSON lines, or CSV (RFC 4180) with a header. Columns are tenant, product, access_token, and optionally app_id,
 * reference and metadata; others are ignored. A broken line does not affect the others. Throws `StartupError` if the
 * lines can't be told apart.
 */
export function readImportRows(text: string): (ImportRow | InvalidRow)[] {
  const body = text.replace(/^\ufeff/, '');
  return /^\s*\{/.test(body) ? fromJsonLines(body) : fromCsv(body);
}

function fromJsonLines(text: string): (ImportRow | InvalidRow)[] {
  return [...text.split('\n').entries()]
    .filter(([, line]) => line.trim() !== '')
    .map(([index, line]) => {
      const value = parseObject(line);
      if (value === null) return { line: index + 1, fault: 'is not a JSON object' };
      return toRow(index + 1, (column) => value[column], value[METADATA]);
    });
}

function parseObject(line: string): Partial<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function fromCsv(text: string): (ImportRow | InvalidRow)[] {
  const [header, ...records] = parseCsv(text);
  const names = header?.fields.map((name) => name.trim()) ?? [];
  const missing = COLUMNS.filter((column) => !names.includes(column));
  if (missing.length > 0) {
    throw invalidFile(
      `The first line names no column ${missing.join(', ')}.`,
      'Name tenant, product and access_token.',
    );
  }
  const metadataColumns = names.filter((name) => name.startsWith(METADATA_COLUMN));
  const known = new Set([...COLUMNS, ...OPTIONAL_COLUMNS, ...metadataColumns]);
  const twice = [...known].filter((column) => names.indexOf(column) !== names.lastIndexOf(column));
  if (twice.length > 0) throw invalidFile(`The first line names ${twice.join(', ')} twice.`, 'Name each column once.');
  return records
    .filter(({ fields }) => fields.length > 1 || fields[0] !== '')
    .map(({ line, fields }) => {
      // A stray comma shifts the cells, so the token column may hold something else.
      if (fields.length !== names.length) {
        return { line, fault: `has ${fields.length} fields, the first line ${names.length}` };
      }
      const pairs = metadataColumns
        .map((name) => [name.slice(METADATA_COLUMN.length), (fields[names.indexOf(name)] ?? '').trim()])
        .filter(([, value]) => value !== '');
      const metadata = pairs.length === 0 ? undefined : Object.fromEntries(pairs);
      return toRow(line, (column) => fields[names.indexOf(column)], metadata);
    });
}

function toRow(line: number, cellOf: (column: Column) => unknown, metadata: unknown): ImportRow | InvalidRow {
  const [tenant, product, token] = COLUMNS.map(cellOf);
  const [appId = '', reference = ''] = OPTIONAL_COLUMNS.map(cellOf).map((value) => value ?? '');
  for (const [column, value] of [
    ['tenant', tenant],
    ['product', product],
    ['access_token', token],
  ]) {
    if (value === undefined || value === '') return { line, fault: `has no ${column}` };
  }
  const isText = typeof tenant === 'string' && typeof product === 'string' && typeof token === 'string';
  if (!isText || typeof appId !== 'string' || typeof reference !== 'string')
    return { line, fault: 'has a value that is not text' };
  if (metadata !== undefined && !isMetadata(metadata))
    return { line, fault: 'has metadata that are not pairs of text' };
  return {
    line,
    tenant: tenant.trim(),
    product: product.trim(),
    token: new SecretString(token.trim()),
    ...(appId.trim() === '' ? {} : { appId: appId.trim() }),
    ...(reference.trim() === '' ? {} : { reference: reference.trim() }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function isMetadata(value: unknown): value is Metadata {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && Object.values(value).every((each) => typeof each === 'string');
}

/** Records, each with the line it begins on. Quoted cells may contain commas, doubled quotes and line breaks. */
function parseCsv(text: string): { line: number; fields: string[] }[] {
  const records: { line: number; fields: string[] }[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r?\n|$)/gy;
  let line = 1;
  let record = { line, fields: [] as string[] };
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (match === null) throw invalidFile(`Line ${line} is not CSV.`, 'Check its quotes.');
    const [whole, quoted, plain = '', end] = match;
    record.fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += whole.split('\n').length - 1;
    if (end === ',' && cell.lastIndex < text.length) continue;
    if (end === ',') record.fields.push('');
    records.push(record);
    record = { line, fields: [] };
  }
  return records;
}

function invalidFile(detail: string, remedy: string): StartupError {
  return new StartupError({ code: 'invalid_file', detail, remedy });
}
