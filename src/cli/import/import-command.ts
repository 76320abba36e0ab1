import type { Command } from 'commander';
import { type CommandContext, table } from '../command-context.ts';
import { Interrupted, Unfinished } from '../command-error.ts';
import type { VaultService } from '../service/vault-service.ts';
import { withVaultService } from '../service/with-vault-service.ts';
import { readText } from '../terminal/read-text.ts';
import { stoppable } from '../terminal/run-interruptible.ts';
import { ImportMarks } from './completed-rows.ts';
import { type BrokenRow, type ImportRow, readImportRows } from './import-rows.ts';
import { importRows, markOf, type Outcome } from './import-runner.ts';

interface ImportOptions {
  url?: string;
  keyFile?: string;
  doneFile?: string;
  json?: true;
}

interface Counts {
  outcomes: Outcome[];
  /** Of an earlier run, or the same row again. */
  alreadyIn: number;
  /** Rows that were not come to. */
  left: number;
}

/**
 * `metavault import <file>`: moves the tokens of another system in; each is inspected by Meta before it is kept. What is in is noted in
 * `<file>.done`, so a second run goes on where the first one ended; importing twice makes nothing twice.
 */
export function addImportCommand(program: Command, context: CommandContext): void {
  program
    .command('import <file>')
    .description('move tokens in from CSV or JSON lines with tenant, product, access_token; - is standard input')
    .option('--url <url>', 'through this running service, not by itself on the database')
    .option('--key-file <file>', 'a file with an admin key for it (default BOOTSTRAP_ADMIN_KEY)')
    .option('--done-file <file>', 'where to note what is in (default <file>.done)')
    .option('--json', 'as JSON')
    .action((file: string, options: ImportOptions) => stoppable((signal) => run(file, options, signal, context)));
}

async function run(file: string, options: ImportOptions, signal: AbortSignal, context: CommandContext): Promise<void> {
  const rows = readImportRows(readText(file));
  const marks = new ImportMarks(options.doneFile ?? (file === '-' ? null : `${file}.done`));
  const counts = await withVaultService(context, options, signal, (service) =>
    moveIn(service, marks, rows, signal, (done) => report(done, options.json === true, context)),
  );
  const failed = counts.outcomes.filter(({ code }) => code !== null).length;
  if (signal.aborted) throw new Interrupted(`Stopped: ${counts.left} rows are left. A second run goes on from here.`);
  if (failed > 0)
    throw new Unfinished(`${failed} rows are not in. Mend them, then run it again: it goes on from here.`);
}

async function moveIn(
  service: VaultService,
  marks: ImportMarks,
  read: readonly (ImportRow | BrokenRow)[],
  signal: AbortSignal,
  tell: (counts: Counts) => void,
): Promise<Counts> {
  const outcomes: Outcome[] = read.filter(isBroken).map(toOutcome);
  const seen = new Set<string>();
  const rows = read.filter((row): row is ImportRow => {
    if (isBroken(row)) return false;
    const mark = markOf(service, row);
    const isNew = !marks.has(mark) && !seen.has(mark);
    seen.add(mark);
    return isNew;
  });
  const alreadyIn = read.length - outcomes.length - rows.length;
  const counts = (): Counts => ({ outcomes, alreadyIn, left: read.length - alreadyIn - outcomes.length });
  try {
    await importRows(service, marks, rows, outcomes, signal);
  } finally {
    tell(counts());
  }
  return counts();
}

function report({ outcomes, alreadyIn, left }: Counts, asJson: boolean, { print }: CommandContext): void {
  const inOrder = [...outcomes].sort((a, b) => a.line - b.line);
  const failed = inOrder.filter(({ code }) => code !== null);
  const imported = inOrder.length - failed.length;
  if (asJson) {
    const counts = { imported, already_in: alreadyIn, failed: failed.length, left };
    print(JSON.stringify({ ...counts, data: inOrder }, null, 2));
    return;
  }
  if (failed.length > 0) {
    const cells = ({ line, tenant, product, code, detail }: Outcome) =>
      [String(line), tenant, product, code, detail].map((cell) => cell ?? '');
    print(table([['LINE', 'TENANT', 'PRODUCT', 'CODE', 'DETAIL'], ...failed.map(cells)]));
  }
  print(`${imported} imported, ${alreadyIn} were in already, ${failed.length} failed.`);
}

function isBroken(row: ImportRow | BrokenRow): row is BrokenRow {
  return 'fault' in row;
}

function toOutcome({ line, fault }: BrokenRow): Outcome {
  const nothing = { tenant: null, product: null, connection_id: null };
  return { line, ...nothing, code: 'invalid_row', detail: `The line ${fault}.` };
}
