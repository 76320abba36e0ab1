import { SecretString } from '../platform/secret-string.ts';
import { StartFailure } from '../start-failure.ts';

/** A token to be moved in. */
export interface ImportRow {
  /** Where it stands in the file, from 1. */
  line: number;
  tenant: string;
  product: string;
  token: SecretString;
}

const COLUMNS = ['tenant', 'product', 'access_token'] as const;
type Column = (typeof COLUMNS)[number];

/**
 * The rows of a file: JSON lines, or CSV (RFC 4180) with a header. Both need tenant, product and access_token; other columns are left
 * out. Throws `StartFailure` that names the line, and never what stands in it.
 */
export function readImportRows(text: string): ImportRow[] {
  const body = text.replace(/^\ufeff/, '');
  return /^\s*\{/.test(body) ? fromJsonLines(body) : fromCsv(body);
}

function fromJsonLines(text: string): ImportRow[] {
  const rows: ImportRow[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    let value: Partial<Record<string, unknown>>;
    try {
      value = JSON.parse(line) as typeof value;
    } catch {
      throw new StartFailure(`Line ${index + 1} is not JSON.`, undefined);
    }
    rows.push(toRow(index + 1, (column) => value[column]));
  }
  return rows;
}

function fromCsv(text: string): ImportRow[] {
  const [header, ...records] = parseCsv(text);
  const names = header?.fields.map((name) => name.trim()) ?? [];
  const missing = COLUMNS.filter((column) => !names.includes(column));
  if (missing.length > 0) {
    throw new StartFailure(`The first line must name the columns; ${missing.join(', ')} is missing.`, undefined);
  }
  return records
    .filter(({ fields }) => fields.length > 1 || fields[0] !== '')
    .map(({ line, fields }) => toRow(line, (column) => fields[names.indexOf(column)]));
}

function toRow(line: number, cellOf: (column: Column) => unknown): ImportRow {
  const read = (column: Column): string => {
    const value = cellOf(column);
    if (typeof value === 'string' && value !== '') return value;
    throw new StartFailure(`Line ${line} has no ${column}.`, undefined);
  };
  return { line, tenant: read('tenant'), product: read('product'), token: new SecretString(read('access_token')) };
}

/** Records with the line that each begins on. Quotes may hold commas, doubled quotes and line ends. */
function parseCsv(text: string): { line: number; fields: string[] }[] {
  const records: { line: number; fields: string[] }[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r?\n|$)/gy;
  let line = 1;
  let record = { line, fields: [] as string[] };
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (match === null) throw new StartFailure(`Line ${line} is not CSV: look at its quotes.`, undefined);
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
