import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { Database } from '../database/database.ts';
import { AppError } from '../platform/problem.ts';
import type { KekRow } from '../vault/keys/kek.repository.ts';
import { KeyAdministrationService, keyNotFound } from '../vault/keys/key-administration.service.ts';
import {
  type RewrapProgressResponse,
  toKeyResponse,
  toRewrapProgressResponse,
} from '../vault/keys/key-response.dto.ts';
import { RewrapWorker } from '../vault/keys/rewrap-worker.ts';
import {
  type CommandContext,
  formatTable,
  loadCommandConfig,
  printResult,
  withApplicationContext,
} from './command-context.ts';
import { IncompleteError, InterruptedError } from './command-error.ts';
import { addExamples } from './command-examples.ts';
import { endDurably } from './end-durably.ts';
import { OPERATOR } from './operator.ts';
import { readPages, toIdPage } from './read-pages.ts';
import { createProgress } from './terminal/progress.ts';
import { runInterruptible } from './terminal/run-interruptible.ts';
import { confirm } from './terminal/terminal.ts';

interface KeyServices {
  keyAdministration: KeyAdministrationService;
  worker: RewrapWorker;
  database: Database;
}

const PAGE_SIZE = 200;
const POLL_INTERVAL_MS = 300;

/** `metavault keys`: administers the key-encryption keys (KEKs), on the same database as the replicas. */
export function addKeysCommand(program: Command, context: CommandContext): void {
  const keys = program.command('keys').description('list, rotate, rewrap, retire and destroy the encryption keys');
  const run = (work: (keys: KeyServices) => Promise<void>): Promise<void> =>
    withApplicationContext(context, loadCommandConfig(context.environment), (app) =>
      work({
        keyAdministration: app.get(KeyAdministrationService),
        worker: app.get(RewrapWorker),
        database: app.get(Database),
      }),
    );
  const add = (name: string, description: string, work: (on: KeyServices) => Promise<void>): Command =>
    keys
      .command(name)
      .description(description)
      .action(() => run(work));
  addExamples(
    add('list', 'list the keys, and how many data keys each one wraps', (on) => list(on, context)),
    ['metavault keys list', 'show which key is active, and which old ones are still needed'],
  );
  addExamples(
    add('rotate', 'create a new active key; the old one still decrypts what it wraps', (on) => rotate(on, context)),
    ['metavault keys rotate', 'seal all new secrets under a new key'],
  );
  addExamples(
    add('rewrap', 'move all data keys to the active key; running replicas help', (on) => rewrap(on, context)),
    ['metavault keys rewrap', 'rewrap after a rotation, with progress on a terminal'],
  );
  addRetireCommands(keys, run, context);
  addExamples(
    add('change-root', 'wrap the key ring with the new ROOT_KEY or KMS key', (on) => showRootKeys(on, context)),
    [
      'ROOT_KEY="$NEW_ROOT_KEY" ROOT_KEY_PREVIOUS="$OLD_ROOT_KEY" metavault keys change-root',
      'change the root key; replicas keep running on the old one until they restart',
    ],
  );
}

function addRetireCommands(
  keys: Command,
  run: (work: (keys: KeyServices) => Promise<void>) => Promise<void>,
  context: CommandContext,
): void {
  addExamples(
    keys
      .command('retire <id>')
      .description('destroy a key that no longer wraps any data key')
      .action((id: string) => run((on) => retire(on, id, context))),
    ['metavault keys retire kek_01K0000000000000000000000A', 'retire the old key after a rewrap'],
  );
  addExamples(
    keys
      .command('destroy <id>')
      .description('rotate and rewrap as needed, then retire a key')
      .option('--yes', "don't ask for confirmation")
      .action((id: string, { yes }: { yes?: true }) => run((on) => destroy(on, id, yes === true, context))),
    ['metavault keys destroy kek_01K0000000000000000000000A --yes', 'destroy a key that may have leaked'],
  );
}

async function listAllKeys(keyAdministration: KeyAdministrationService): Promise<KekRow[]> {
  const all: KekRow[] = [];
  const readPage = async (after: string | null) => toIdPage(await keyAdministration.list(PAGE_SIZE, after), PAGE_SIZE);
  for await (const page of readPages(readPage)) all.push(...page);
  return all;
}

async function list({ keyAdministration }: KeyServices, context: CommandContext): Promise<void> {
  const keys = await listAllKeys(keyAdministration);
  const rewrap = toRewrapProgressResponse(await keyAdministration.rewrapProgress());
  const data = keys.map((key) => ({ ...toKeyResponse(key), root_key_id: key.root_key_id }));
  printResult(context, { data, rewrap }, () => {
    const rows = keys.map((key) => [
      key.id,
      key.state,
      key.created_at.toISOString(),
      String(key.data_keys),
      key.root_key_id,
    ]);
    const table = formatTable([['ID', 'STATE', 'CREATED', 'DATA KEYS', 'ROOT KEY'], ...rows]);
    return rewrap.state === 'idle' ? table : `${table}\n${describeProgress(rewrap)}`;
  });
}

async function rotate({ keyAdministration }: KeyServices, context: CommandContext): Promise<void> {
  const { id, replacedId } = await keyAdministration.rotate(OPERATOR);
  printResult(
    context,
    { id, replaced_id: replacedId },
    () => `${id} is now the active key. ${replacedId} still decrypts; metavault keys rewrap moves its data keys.`,
  );
}

async function rewrap(keys: KeyServices, context: CommandContext): Promise<void> {
  const progress = await rewrapAll(keys, context);
  printResult(context, progress, () => describeProgress(progress));
  requireComplete(progress);
}

async function retire(
  { keyAdministration, database }: KeyServices,
  id: string,
  context: CommandContext,
): Promise<void> {
  await endDurably(database, context, () => keyAdministration.retire(OPERATOR, id));
  printResult(
    context,
    { id, state: 'retired' },
    () => `${id} is retired: what it wrapped can no longer be decrypted from this database.`,
  );
}

async function destroy(keys: KeyServices, id: string, isConfirmed: boolean, context: CommandContext): Promise<void> {
  const key = (await listAllKeys(keys.keyAdministration)).find((each) => each.id === id);
  if (key === undefined) throw new AppError(keyNotFound);
  if (key.state !== 'retired') {
    await confirm(context, `${id} will be destroyed. This can't be undone.`, isConfirmed);
    if (key.state === 'active') await keys.keyAdministration.rotate(OPERATOR);
    requireComplete(await rewrapAll(keys, context));
  }
  await retire(keys, id, context);
  if (context.isJson) return;
  context.print(
    `A backup that holds the key ring can still be decrypted with the root key ${key.root_key_id}. To prevent that, ` +
      'change the root key and destroy the old one: docs/runbook.md, "After a leak".',
  );
}

/** Opening the core services has already rewrapped the ring, in one transaction, or failed. */
async function showRootKeys({ keyAdministration }: KeyServices, context: CommandContext): Promise<void> {
  const keys = (await listAllKeys(keyAdministration)).filter(({ state }) => state !== 'retired');
  const roots = [...new Set(keys.map((key) => key.root_key_id))];
  printResult(
    context,
    { root_key_ids: roots },
    () => `The ring is wrapped by ${roots.join(', ')}. Restart the replicas with it, then remove ROOT_KEY_PREVIOUS.`,
  );
}

function requireComplete({ state, total, remaining, unopenable }: RewrapProgressResponse): void {
  if (state === 'running') {
    throw new InterruptedError(
      `Stopped with ${remaining} of ${total} data keys left.`,
      'The replicas continue; so does running it again.',
    );
  }
  if (state === 'done') return;
  throw new IncompleteError(
    `${unopenable} data keys could not be moved.`,
    'Reconnect the connections that the log names, then rewrap again.',
  );
}

/** Requests a rewrap and takes part in it until it is done or interrupted. */
async function rewrapAll(
  { keyAdministration, worker }: KeyServices,
  context: CommandContext,
): Promise<RewrapProgressResponse> {
  await keyAdministration.requestRewrap(OPERATOR);
  const bar = createProgress(context.progressTerminal, 'Rewrapping');
  const showProgress = async (): Promise<RewrapProgressResponse> => {
    const progress = toRewrapProgressResponse(await keyAdministration.rewrapProgress());
    bar.show(progress.total - progress.remaining, progress.total);
    return progress;
  };
  await showProgress();
  const timer = setInterval(() => void showProgress().catch(() => undefined), POLL_INTERVAL_MS);
  try {
    return await runInterruptible(context, async (signal) => {
      for (;;) {
        await worker.runOnce(() => signal.aborted);
        const progress = await showProgress();
        if (progress.state !== 'running' || signal.aborted) return progress;
        // Replicas hold the rest.
        await sleep(POLL_INTERVAL_MS);
      }
    });
  } finally {
    clearInterval(timer);
    bar.end();
  }
}

function describeProgress({ state, total, remaining, unopenable }: RewrapProgressResponse): string {
  const moved = `${total - remaining} of ${total} data keys are under the active key`;
  if (state === 'running') return `Rewrapping: ${moved}.`;
  if (state !== 'incomplete') return `Rewrapped: ${moved}.`;
  return `Rewrapped: ${moved}; ${unopenable} can't be decrypted. Reconnect those connections; the log names them.`;
}
