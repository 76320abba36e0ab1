import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { UndiciHttpClient } from '../platform/http.ts';
import { SecretString } from '../platform/secret-string.ts';
import { StartFailure } from '../start-failure.ts';
import { type CommandContext, commandConfig, table } from './command-context.ts';
import { type ImportRow, readImportRows } from './import-rows.ts';
import { progressBar } from './terminal.ts';

interface ImportOptions {
  url?: string;
  keyFile?: string;
  doneFile?: string;
  json?: true;
}

interface Outcome {
  line: number;
  tenant: string;
  product: string;
  connection_id: string | null;
  /** Null where it is in; else the problem's code. */
  code: string | null;
  detail: string | null;
}

interface Service {
  url: string;
  key: SecretString;
  http: UndiciHttpClient;
}

const AT_ONCE = 4;
const TIMEOUT_MS = 60_000;
const MAX_TRIES = 6;
const MAX_WAIT_SECONDS = 60;

/**
 * `metavault import <file>`: moves the tokens of another system in, through the running service, so that each is inspected by Meta before
 * it is kept. What is in is noted in `<file>.done`, so a second run goes on where the first one ended; importing twice makes nothing twice.
 */
export function addImportCommand(program: Command, context: CommandContext): void {
  program
    .command('import <file>')
    .description('move tokens in from CSV or JSON lines with tenant, product, access_token; - is standard input')
    .option('--url <url>', 'the running service (default PUBLIC_URL)')
    .option('--key-file <file>', 'a file with an admin key (default BOOTSTRAP_ADMIN_KEY)')
    .option('--done-file <file>', 'where to note what is in (default <file>.done)')
    .option('--json', 'as JSON')
    .action((file: string, options: ImportOptions) => run(file, options, context));
}

async function run(file: string, options: ImportOptions, { environment, print }: CommandContext): Promise<void> {
  const config = commandConfig(environment);
  const key = options.keyFile === undefined ? config.bootstrapAdminKey : readKey(options.keyFile);
  if (key === null) throw new StartFailure('Give an admin key: --key-file, or BOOTSTRAP_ADMIN_KEY.', undefined);
  const doneFile = options.doneFile ?? (file === '-' ? null : `${file}.done`);
  const done = doneFile === null ? new Set<string>() : readDone(doneFile);
  const rows = readImportRows(readText(file)).filter((row) => !done.has(markOf(row)));
  const http = new UndiciHttpClient();
  try {
    const service = { url: (options.url ?? config.publicUrl).replace(/\/+$/, ''), key, http };
    const note = (row: ImportRow): void => {
      if (doneFile !== null) appendFileSync(doneFile, `${markOf(row)}\n`, { mode: 0o600 });
    };
    report(await importAll(service, rows, note), done.size, options.json === true, print);
  } finally {
    await http.close();
  }
}

async function importAll(
  service: Service,
  rows: readonly ImportRow[],
  note: (row: ImportRow) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const waiting = [...rows];
  const bar = progressBar('importing');
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      const outcome = await importOne(service, row);
      if (outcome.code === null) note(row);
      outcomes.push(outcome);
      bar.show(outcomes.length, rows.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    bar.end();
  }
  return outcomes.sort((a, b) => a.line - b.line);
}

interface Answer {
  id?: string;
  code?: string;
  detail?: string;
}

/** One row. What passes by itself (Meta out of reach, too many requests) is waited for, as long as the service says. */
async function importOne(service: Service, row: ImportRow): Promise<Outcome> {
  const { line, tenant, product, token } = row;
  const outcome = (answer: Answer, isIn: boolean): Outcome => ({
    line,
    tenant,
    product,
    connection_id: isIn ? (answer.id ?? null) : null,
    code: isIn ? null : (answer.code ?? 'unknown'),
    detail: isIn ? null : (answer.detail ?? null),
  });
  for (let tries = 1; ; tries++) {
    const { status, headers, body } = await service.http
      .send({
        method: 'POST',
        url: `${service.url}/v1/connections/import`,
        headers: { authorization: `Bearer ${service.key.expose()}`, 'content-type': 'application/json' },
        body: JSON.stringify({ tenant, product, access_token: token.expose() }),
        timeoutMs: TIMEOUT_MS,
      })
      .catch((error: unknown) => {
        throw new StartFailure(
          `The service does not answer at ${service.url}. Start it, or give --url. A second run goes on from here.`,
          error,
        );
      });
    const answer = parse(body);
    if (status === 401 || status === 403)
      throw new StartFailure(`The service refuses: ${answer.detail ?? status}`, undefined);
    const passes = status === 429 || status === 503;
    if (!passes || tries >= MAX_TRIES) return outcome(answer, status === 201);
    await sleep(1000 * Math.min(MAX_WAIT_SECONDS, Number(headers['retry-after']) || 2 ** tries));
  }
}

function parse(body: Buffer): Answer {
  try {
    return JSON.parse(body.toString('utf8')) as Answer;
  } catch {
    return { code: 'unknown', detail: 'The answer was not of this service; look at --url.' };
  }
}

function report(outcomes: readonly Outcome[], before: number, asJson: boolean, print: (text: string) => void): void {
  const failed = outcomes.filter(({ code }) => code !== null);
  if (failed.length > 0) process.exitCode = 1;
  const imported = outcomes.length - failed.length;
  if (asJson) {
    print(JSON.stringify({ imported, already_in: before, failed: failed.length, data: outcomes }, null, 2));
    return;
  }
  if (failed.length > 0) {
    const rows = failed.map((each) => [
      String(each.line),
      each.tenant,
      each.product,
      each.code ?? '',
      each.detail ?? '',
    ]);
    print(table([['LINE', 'TENANT', 'PRODUCT', 'CODE', 'DETAIL'], ...rows]));
  }
  print(`${imported} imported, ${before} were in already, ${failed.length} failed.`);
}

/** A row's mark in the file of what is in. Of a token with its entropy a hash gives nothing away. */
function markOf({ tenant, product, token }: ImportRow): string {
  return createHash('sha256')
    .update(JSON.stringify([tenant, product, token.expose()]))
    .digest('hex');
}

function readDone(file: string): Set<string> {
  try {
    return new Set(
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
    throw error;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new StartFailure(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown cause'}).`,
      error,
    );
  }
}

function readKey(file: string): SecretString {
  return new SecretString(readText(file).trim());
}
