import { accountName, type Connection, earliestEnd, worstHealth } from '../../components/connection-summary.ts';
import { csvLine } from '../../csv.ts';

const COLUMNS: readonly [string, (connection: Connection) => string | number | null][] = [
  ['id', ({ id }) => id],
  ['tenant', ({ tenant }) => tenant],
  ['product', ({ product }) => product],
  ['account', accountName],
  ['reference', ({ reference }) => reference],
  ['status', ({ status }) => status],
  ['reason', ({ status_reason }) => status_reason?.code ?? null],
  ['health', worstHealth],
  ['ends_at', earliestEnd],
  ['meta_user_id', ({ meta_user_id }) => meta_user_id],
  ['app_id', ({ app_id }) => app_id],
  ['assets', ({ assets_count }) => assets_count],
  ['created_at', ({ created_at }) => created_at],
  ['updated_at', ({ updated_at }) => updated_at],
];

/** Column names, the same in every language. Spreadsheets recognize UTF-8 by the leading byte-order mark. */
export function csvHeading(): string {
  return `\ufeff${csvLine(COLUMNS.map(([name]) => name))}`;
}

export function toCsv(connections: readonly Connection[]): string {
  return connections.map((connection) => csvLine(COLUMNS.map(([, read]) => read(connection)))).join('');
}
