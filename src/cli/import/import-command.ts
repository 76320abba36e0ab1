import type { Command } from 'commander';
import { type CommandContext, formatTable } from '../command-context.ts';
import { IncompleteError, InterruptedError } from '../command-error.ts';
import type { VaultService } from '../service/vault-service.ts';
import { addServiceOptions, type ServiceOptions, withVaultService } from '../service/with-vault-service.ts';
import { readText } from '../terminal/read-text.ts';
import { runInterruptible } from '../terminal/run-interruptible.ts';
import { CompletedRows } from './completed-rows.ts';
import { type ImportRow, type InvalidRow, readImportRows } from './import-rows.ts';
import { fingerprintOf, importRows, type RowResult } from './import-runner.ts';

interface ImportOptions extends ServiceOptions {
  doneFile?: string;
  json?: true;
}

interface Counts {
  results: RowResult[];
  /** Of an earlier run, or the same row again. */
  alreadyImported: number;
  /** Rows that were not reached. */
  left: number;
}

/**
 * `metavault import <file>`: imports the tokens of another system; Meta inspects each one before it is stored. Imported rows are recorded
 * in `<file>.done`, so a second run continues where the first one ended. Importing a row twice creates nothing twice.
 */
export function addImportCommand(program: Command, context: CommandContext): void {
  addServiceOptions(
    program
      .command('import <file>')
      .description('move tokens in from CSV or JSON lines with tenant, product, access_token; - is standard input'),
  )
    .option('--done-file <file>', 'where to note what is in (default <file>.done)')
    .option('--json', 'as JSON')
    .action((file: string, options: ImportOptions) =>
      runInterruptible((signal) => run(file, options, signal, context)),
    );
}

async function run(file: string, options: ImportOptions, signal: AbortSignal, context: CommandContext): Promise<void> {
  const rows = readImportRows(readText(file));
  const completedRows = new CompletedRows(options.doneFile ?? (file === '-' ? null : `${file}.done`));
  const counts = await withVaultService(context, options, signal, (service) =>
    importAll(service, completedRows, rows, signal, (done) => report(done, options.json === true, context)),
  );
  const failed = counts.results.filter(({ code }) => code !== null).length;
  if (signal.aborted)
    throw new InterruptedError(`Stopped: ${counts.left} rows are left. A second run goes on from here.`);
  if (failed > 0)
    throw new IncompleteError(`${failed} rows are not in. Fix them, then run it again: it continues from here.`);
}

async function importAll(
  service: VaultService,
  completedRows: CompletedRows,
  read: readonly (ImportRow | InvalidRow)[],
  signal: AbortSignal,
  onFinished: (counts: Counts) => void,
): Promise<Counts> {
  const results: RowResult[] = read.filter(isInvalid).map(toRowResult);
  const seen = new Set<string>();
  const rows = read.filter((row): row is ImportRow => {
    if (isInvalid(row)) return false;
    const fingerprint = fingerprintOf(service, row);
    const isNew = !completedRows.has(fingerprint) && !seen.has(fingerprint);
    seen.add(fingerprint);
    return isNew;
  });
  const alreadyImported = read.length - results.length - rows.length;
  const counts = (): Counts => ({ results, alreadyImported, left: read.length - alreadyImported - results.length });
  try {
    await importRows(service, completedRows, rows, results, signal);
  } finally {
    onFinished(counts());
  }
  return counts();
}

function report({ results, alreadyImported, left }: Counts, asJson: boolean, { print }: CommandContext): void {
  const inOrder = [...results].sort((a, b) => a.line - b.line);
  const failed = inOrder.filter(({ code }) => code !== null);
  const imported = inOrder.length - failed.length;
  if (asJson) {
    const counts = { imported, already_in: alreadyImported, failed: failed.length, left };
    print(JSON.stringify({ ...counts, data: inOrder }, null, 2));
    return;
  }
  if (failed.length > 0) {
    const cells = ({ line, tenant, product, code, detail }: RowResult) =>
      [String(line), tenant, product, code, detail].map((cell) => cell ?? '');
    print(formatTable([['LINE', 'TENANT', 'PRODUCT', 'CODE', 'DETAIL'], ...failed.map(cells)]));
  }
  print(`${imported} imported, ${alreadyImported} were in already, ${failed.length} failed.`);
}

function isInvalid(row: ImportRow | InvalidRow): row is InvalidRow {
  return 'fault' in row;
}

function toRowResult({ line, fault }: InvalidRow): RowResult {
  const nothing = { tenant: null, product: null, connection_id: null };
  return { line, ...nothing, code: 'invalid_row', detail: `The line ${fault}.` };
}
