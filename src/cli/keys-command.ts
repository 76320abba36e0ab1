import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { AppError } from '../platform/problem.ts';
import type { KekRow } from '../vault/keys/kek.repository.ts';
import { KeyAdministrationService, keyNotFound } from '../vault/keys/key-administration.service.ts';
import {
  type RewrapProgressResponse,
  toKeyResponse,
  toRewrapProgressResponse,
} from '../vault/keys/key-response.dto.ts';
import { RewrapWorker } from '../vault/keys/rewrap-worker.ts';
import { type CommandContext, formatTable, loadCommandConfig, withApplicationContext } from './command-context.ts';
import { IncompleteError, InterruptedError } from './command-error.ts';
import { OPERATOR } from './operator.ts';
import { readPages, toIdPage } from './read-pages.ts';
import { runInterruptible } from './terminal/run-interruptible.ts';
import { confirm, createProgressBar } from './terminal/terminal.ts';

interface Options {
  json?: true;
  yes?: true;
}

interface KeyServices {
  keyAdministration: KeyAdministrationService;
  worker: RewrapWorker;
}

const PAGE_SIZE = 200;
const POLL_INTERVAL_MS = 300;

/** `metavault keys`: the key-encryption keys, on the same database as the replicas work on. */
export function addKeysCommand(program: Command, context: CommandContext): void {
  const keys = program.command('keys').description('rotate, move to and end the keys that wrap the data keys');
  const runWithKeyServices = (work: (keys: KeyServices) => Promise<void>): Promise<void> =>
    withApplicationContext(loadCommandConfig(context.environment), (app) =>
      work({ keyAdministration: app.get(KeyAdministrationService), worker: app.get(RewrapWorker) }),
    );
  keys
    .command('list')
    .option('--json', 'as JSON')
    .action((options: Options) => runWithKeyServices((on) => list(on, options, context)));
  keys
    .command('rotate')
    .description('make a new active key; the old one goes on opening what it wraps')
    .option('--json', 'as JSON')
    .action((options: Options) => runWithKeyServices((on) => rotate(on, options, context)));
  keys
    .command('rewrap')
    .description('move all data keys to the active key, together with the replicas that run')
    .option('--json', 'as JSON')
    .action((options: Options) => runWithKeyServices((on) => rewrap(on, options, context)));
  keys
    .command('retire <id>')
    .description('destroy a key that wraps nothing any more')
    .option('--json', 'as JSON')
    .action((id: string, options: Options) => runWithKeyServices((on) => retire(on, id, options, context)));
  keys
    .command('destroy <id>')
    .description('make sure that nothing needs a key (rotate, rewrap), then retire it')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((id: string, options: Options) => runWithKeyServices((on) => destroy(on, id, options, context)));
  keys
    .command('change-root')
    .description('wrap the ring with ROOT_KEY (or the KMS) where ROOT_KEY_PREVIOUS still opens it')
    .option('--json', 'as JSON')
    .action((options: Options) => runWithKeyServices((on) => showRootKeys(on, options, context)));
}

async function listAllKeys(keyAdministration: KeyAdministrationService): Promise<KekRow[]> {
  const all: KekRow[] = [];
  const readPage = async (after: string | null) => toIdPage(await keyAdministration.list(PAGE_SIZE, after), PAGE_SIZE);
  for await (const page of readPages(readPage)) all.push(...page);
  return all;
}

async function list({ keyAdministration }: KeyServices, { json }: Options, { print }: CommandContext): Promise<void> {
  const keys = await listAllKeys(keyAdministration);
  const progress = toRewrapProgressResponse(await keyAdministration.rewrapProgress());
  if (json === true) {
    const data = keys.map((key) => ({ ...toKeyResponse(key), root_key_id: key.root_key_id }));
    return print(JSON.stringify({ data, rewrap: progress }, null, 2));
  }
  const rows = keys.map((key) => [
    key.id,
    key.state,
    key.created_at.toISOString(),
    String(key.data_keys),
    key.root_key_id,
  ]);
  print(formatTable([['ID', 'STATE', 'CREATED', 'DATA KEYS', 'ROOT KEY'], ...rows]));
  if (progress.state !== 'idle') print(describeProgress(progress));
}

async function rotate({ keyAdministration }: KeyServices, { json }: Options, { print }: CommandContext): Promise<void> {
  const { id, replacedId } = await keyAdministration.rotate(OPERATOR);
  if (json === true) return print(JSON.stringify({ id, replaced_id: replacedId }));
  print(`${id} is the active key. ${replacedId} goes on opening; metavault keys rewrap moves its data keys.`);
}

async function rewrap(keys: KeyServices, { json }: Options, { print }: CommandContext): Promise<void> {
  const progress = await rewrapAll(keys);
  print(json === true ? JSON.stringify(progress) : describeProgress(progress));
  requireComplete(progress);
}

async function retire(
  { keyAdministration }: KeyServices,
  id: string,
  { json }: Options,
  { print }: CommandContext,
): Promise<void> {
  await keyAdministration.retire(OPERATOR, id);
  print(
    json === true
      ? JSON.stringify({ id, state: 'retired' })
      : `${id} is retired: nothing that it wrapped can be opened from this database.`,
  );
}

async function destroy(keys: KeyServices, id: string, options: Options, context: CommandContext): Promise<void> {
  const key = (await listAllKeys(keys.keyAdministration)).find((each) => each.id === id);
  if (key === undefined) throw new AppError(keyNotFound);
  if (key.state !== 'retired') {
    await confirm(`${id} will be destroyed for good.`, options.yes === true);
    if (key.state === 'active') await keys.keyAdministration.rotate(OPERATOR);
    requireComplete(await rewrapAll(keys));
  }
  await retire(keys, id, options, context);
  if (options.json === true) return;
  context.print(
    `A backup that holds the ring still opens with the root key ${key.root_key_id}. To end that too, change the root key and ` +
      'destroy the old one: docs/runbook.md, "After a leak".',
  );
}

/** Opening the stores has moved the ring in one transaction, or failed with the reason. */
async function showRootKeys(
  { keyAdministration }: KeyServices,
  { json }: Options,
  { print }: CommandContext,
): Promise<void> {
  const keys = (await listAllKeys(keyAdministration)).filter(({ state }) => state !== 'retired');
  const roots = [...new Set(keys.map((key) => key.root_key_id))];
  print(
    json === true
      ? JSON.stringify({ root_key_ids: roots })
      : `The ring is wrapped by ${roots.join(', ')}. Restart the replicas with it, then take ROOT_KEY_PREVIOUS out.`,
  );
}

function requireComplete({ state, total, remaining, unopenable }: RewrapProgressResponse): void {
  if (state === 'running') {
    throw new InterruptedError(
      `Stopped: ${remaining} of ${total} data keys are left. The replicas go on, and so does a second run.`,
    );
  }
  if (state !== 'done') throw new IncompleteError(`${unopenable} data keys could not be moved.`);
}

/** Requests a rewrap and takes part in it until it is over or interrupted. */
async function rewrapAll({ keyAdministration, worker }: KeyServices): Promise<RewrapProgressResponse> {
  await keyAdministration.requestRewrap(OPERATOR);
  const bar = createProgressBar('rewrapping');
  const progressTimer = setInterval(() => {
    keyAdministration.rewrapProgress().then(
      ({ total, remaining }) => bar.show(total - remaining, total),
      () => undefined,
    );
  }, POLL_INTERVAL_MS);
  try {
    return await runInterruptible(async (signal) => {
      for (;;) {
        await worker.runOnce(() => signal.aborted);
        const progress = toRewrapProgressResponse(await keyAdministration.rewrapProgress());
        bar.show(progress.total - progress.remaining, progress.total);
        if (progress.state !== 'running' || signal.aborted) return progress;
        // Replicas do the rest.
        await sleep(POLL_INTERVAL_MS);
      }
    });
  } finally {
    clearInterval(progressTimer);
    bar.end();
  }
}

function describeProgress({ state, total, remaining, unopenable }: RewrapProgressResponse): string {
  const moved = `${total - remaining} of ${total} data keys are under the active key`;
  if (state === 'running') return `Rewrapping: ${moved}.`;
  if (state !== 'incomplete') return `Rewrapped: ${moved}.`;
  return `Rewrapped: ${moved}; ${unopenable} do not open and stay. Connect those connections anew; their ids stand in the log.`;
}
