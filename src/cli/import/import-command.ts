import type { Command } from 'commander';
import { type CommandContext, formatTable, printResult } from '../command-context.ts';
import { IncompleteError, InterruptedError } from '../command-error.ts';
import { addExamples } from '../command-examples.ts';
import type { VaultService } from '../service/vault-service.ts';
import { addServiceOptions, type ServiceOptions, withVaultService } from '../service/with-vault-service.ts';
import { createProgress } from '../terminal/progress.ts';
import { readText } from '../terminal/read-text.ts';
import { runInterruptible } from '../terminal/run-interruptible.ts';
import { CompletedRows } from './completed-rows.ts';
import { type ImportRow, type InvalidRow, readImportRows } from './import-rows.ts';
import { fingerprintOf, importRows, type RowResult } from './import-runner.ts';

interface ImportOptions extends ServiceOptions {
  doneFile?: string;
}

interface Counts {
  results: RowResult[];
  /** Imported by an earlier run, or listed twice. */
  alreadyImported: number;
  /** Rows not reached. */
  left: number;
}

/**
 * `metavault import <file>`: imports tokens from another system; each is inspected at Meta before it is stored.
 * `<file>.done` records which rows are imported, so a second run continues where the first one ended.
 */
export function addImportCommand(program: Command, context: CommandContext): void {
  const command = addServiceOptions(
    program
      .command('import <file>')
      .description(
        'import tokens from CSV or JSON lines with tenant, product, access_token, perhaps app_id, reference and metadata ' +
          '(CSV: a column metadata.<key> each); - for standard input',
      ),
  )
    .option('--done-file <file>', 'file that records which rows are imported (default: <file>.done)')
    .action((file: string, options: ImportOptions) =>
      runInterruptible(context, (signal) => run(file, options, signal, context)),
    );
  addExamples(
    command,
    ['metavault import tokens.csv', 'import a file; run it again to continue after an interruption'],
    [
      'metavault import tokens.csv --url https://vault.example.com --key-file admin.key',
      'import through a running service',
    ],
    ['metavault import - --json < tokens.jsonl', 'import standard input, and print the outcome of each row as JSON'],
  );
}

async function run(file: string, options: ImportOptions, signal: AbortSignal, context: CommandContext): Promise<void> {
  const rows = readImportRows(readText(file));
  const completedRows = new CompletedRows(options.doneFile ?? (file === '-' ? null : `${file}.done`));
  const counts = await withVaultService(context, options, signal, (service) =>
    importAll(service, completedRows, rows, { signal, context }),
  );
  const failed = counts.results.filter(({ code }) => code !== null).length;
  if (signal.aborted) {
    throw new InterruptedError(`Stopped with ${counts.left} rows left.`, 'Run it again to continue from here.');
  }
  if (failed > 0) {
    throw new IncompleteError(
      `${failed} rows were not imported.`,
      'Correct them and run it again: it skips the others.',
    );
  }
}

async function importAll(
  service: VaultService,
  completedRows: CompletedRows,
  read: readonly (ImportRow | InvalidRow)[],
  { signal, context }: { signal: AbortSignal; context: CommandContext },
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
  const progress = createProgress(context.progressTerminal, 'Importing');
  try {
    await importRows(service, completedRows, rows, results, { signal, progress });
  } finally {
    // Also after a failure, to report the rows imported before it.
    report(counts(), context);
  }
  return counts();
}

function report({ results, alreadyImported, left }: Counts, context: CommandContext): void {
  const inOrder = [...results].sort((a, b) => a.line - b.line);
  const failed = inOrder.filter(({ code }) => code !== null);
  const imported = inOrder.length - failed.length;
  const document = { imported, already_in: alreadyImported, failed: failed.length, left, data: inOrder };
  printResult(context, document, () => {
    const summary = `${imported} imported, ${alreadyImported} already imported, ${failed.length} failed.`;
    if (failed.length === 0) return summary;
    const cells = ({ line, tenant, product, code, detail }: RowResult) =>
      [String(line), tenant, product, code, detail].map((cell) => cell ?? '');
    return `${formatTable([['LINE', 'TENANT', 'PRODUCT', 'CODE', 'DETAIL'], ...failed.map(cells)])}\n${summary}`;
  });
}

function isInvalid(row: ImportRow | InvalidRow): row is InvalidRow {
  return 'fault' in row;
}

function toRowResult({ line, fault }: InvalidRow): RowResult {
  const nothing = { tenant: null, product: null, connection_id: null };
  return { line, ...nothing, code: 'invalid_row', detail: `The line ${fault}.` };
}
