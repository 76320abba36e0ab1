import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Stores } from '../bootstrap/core-services.ts';
import { createLogger } from '../platform/logger.ts';
import { AppError } from '../platform/problem.ts';
import { KekRegister, type KekRow } from '../vault/keys/kek.repository.ts';
import { KeyCustody, keyNotFound } from '../vault/keys/key-administration.service.ts';
import { type RewrapView, toKeyView, toRewrapView } from '../vault/keys/key-response.dto.ts';
import { KeyRewrap } from '../vault/keys/key-rewrap.ts';
import { RewrapWorker } from '../vault/keys/rewrap-worker.ts';
import { type CommandContext, commandConfig, table, withStores } from './command-context.ts';
import { Interrupted, Unfinished } from './command-error.ts';
import { explainProblems, OPERATOR } from './operator.ts';
import { stoppable } from './terminal/run-interruptible.ts';
import { confirm, progressBar } from './terminal/terminal.ts';

interface Options {
  json?: true;
  yes?: true;
}

interface Keys {
  custody: KeyCustody;
  worker: RewrapWorker;
}

const PAGE = 200;
const LOOK_EACH_MS = 300;

/** `metavault keys`: the key-encryption keys, on the same database as the replicas work on. */
export function addKeysCommand(program: Command, context: CommandContext): void {
  const keys = program.command('keys').description('rotate, move to and end the keys that wrap the data keys');
  const onKeys = (work: (keys: Keys) => Promise<void>): Promise<void> =>
    withStores(commandConfig(context.environment), (stores) => explainProblems(() => work(openKeys(stores))));
  keys
    .command('list')
    .option('--json', 'as JSON')
    .action((options: Options) => onKeys((on) => list(on, options, context)));
  keys
    .command('rotate')
    .description('make a new active key; the old one goes on opening what it wraps')
    .option('--json', 'as JSON')
    .action((options: Options) => onKeys((on) => rotate(on, options, context)));
  keys
    .command('rewrap')
    .description('move all data keys to the active key, together with the replicas that run')
    .option('--json', 'as JSON')
    .action((options: Options) => onKeys((on) => rewrap(on, options, context)));
  keys
    .command('retire <id>')
    .description('destroy a key that wraps nothing any more')
    .option('--json', 'as JSON')
    .action((id: string, options: Options) => onKeys((on) => retire(on, id, options, context)));
  keys
    .command('destroy <id>')
    .description('make sure that nothing needs a key (rotate, rewrap), then retire it')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((id: string, options: Options) => onKeys((on) => destroy(on, id, options, context)));
  keys
    .command('change-root')
    .description('wrap the ring with ROOT_KEY (or the KMS) where ROOT_KEY_PREVIOUS still opens it')
    .option('--json', 'as JSON')
    .action((options: Options) => onKeys((on) => showRoot(on, options, context)));
}

function openKeys({ database, clock, random, keyRing, audit }: Stores): Keys {
  const register = new KekRegister(database, clock);
  const rewrapping = new KeyRewrap(database, keyRing, clock, random);
  return {
    custody: new KeyCustody(database, keyRing, register, rewrapping, audit),
    worker: new RewrapWorker(rewrapping, audit, createLogger('error', process.stderr)),
  };
}

async function allKeys(custody: KeyCustody): Promise<KekRow[]> {
  const all: KekRow[] = [];
  for (let after: string | null = null; ; ) {
    const rows = await custody.list(PAGE, after);
    all.push(...rows.slice(0, PAGE));
    if (rows.length <= PAGE) return all;
    after = all.at(-1)?.id ?? null;
  }
}

async function list({ custody }: Keys, { json }: Options, { print }: CommandContext): Promise<void> {
  const keys = await allKeys(custody);
  const progress = toRewrapView(await custody.rewrapProgress());
  if (json === true) {
    const data = keys.map((key) => ({ ...toKeyView(key), root_key_id: key.root_key_id }));
    return print(JSON.stringify({ data, rewrap: progress }, null, 2));
  }
  const rows = keys.map((key) => [
    key.id,
    key.state,
    key.created_at.toISOString(),
    String(key.data_keys),
    key.root_key_id,
  ]);
  print(table([['ID', 'STATE', 'CREATED', 'DATA KEYS', 'ROOT KEY'], ...rows]));
  if (progress.state !== 'idle') print(inWords(progress));
}

async function rotate({ custody }: Keys, { json }: Options, { print }: CommandContext): Promise<void> {
  const { id, replacedId } = await custody.rotate(OPERATOR);
  if (json === true) return print(JSON.stringify({ id, replaced_id: replacedId }));
  print(`${id} is the active key. ${replacedId} goes on opening; metavault keys rewrap moves its data keys.`);
}

async function rewrap(keys: Keys, { json }: Options, { print }: CommandContext): Promise<void> {
  const progress = await rewrapAll(keys);
  print(json === true ? JSON.stringify(progress) : inWords(progress));
  requireDone(progress);
}

async function retire({ custody }: Keys, id: string, { json }: Options, { print }: CommandContext): Promise<void> {
  await custody.retire(OPERATOR, id);
  print(
    json === true
      ? JSON.stringify({ id, state: 'retired' })
      : `${id} is retired: nothing that it wrapped can be opened from this database.`,
  );
}

async function destroy(keys: Keys, id: string, options: Options, context: CommandContext): Promise<void> {
  const key = (await allKeys(keys.custody)).find((each) => each.id === id);
  if (key === undefined) throw new AppError(keyNotFound);
  if (key.state !== 'retired') {
    await confirm(`${id} will be destroyed for good.`, options.yes === true);
    if (key.state === 'active') await keys.custody.rotate(OPERATOR);
    requireDone(await rewrapAll(keys));
  }
  await retire(keys, id, options, context);
  if (options.json === true) return;
  context.print(
    `A backup that holds the ring still opens with the root key ${key.root_key_id}. To end that too, change the root key and ` +
      'destroy the old one: docs/runbook.md, "After a leak".',
  );
}

/** The stores are open: the ring has moved by now, in one transaction, or the start would have said why not. */
async function showRoot({ custody }: Keys, { json }: Options, { print }: CommandContext): Promise<void> {
  const keys = (await allKeys(custody)).filter(({ state }) => state !== 'retired');
  const roots = [...new Set(keys.map((key) => key.root_key_id))];
  print(
    json === true
      ? JSON.stringify({ root_key_ids: roots })
      : `The ring is wrapped by ${roots.join(', ')}. Restart the replicas with it, then take ROOT_KEY_PREVIOUS out.`,
  );
}

function requireDone({ state, total, remaining, unopenable }: RewrapView): void {
  if (state === 'running') {
    throw new Interrupted(
      `Stopped: ${remaining} of ${total} data keys are left. The replicas go on, and so does a second run.`,
    );
  }
  if (state !== 'done') throw new Unfinished(`${unopenable} data keys could not be moved.`);
}

/** Asks for a rewrap and takes part in it until it is over, or until somebody stops it. */
async function rewrapAll({ custody, worker }: Keys): Promise<RewrapView> {
  await custody.requestRewrap(OPERATOR);
  const bar = progressBar('rewrapping');
  const look = setInterval(() => {
    custody.rewrapProgress().then(
      ({ total, remaining }) => bar.show(total - remaining, total),
      () => undefined,
    );
  }, LOOK_EACH_MS);
  try {
    return await stoppable(async (signal) => {
      for (;;) {
        await worker.pass(() => signal.aborted);
        const progress = toRewrapView(await custody.rewrapProgress());
        bar.show(progress.total - progress.remaining, progress.total);
        if (progress.state !== 'running' || signal.aborted) return progress;
        // The rest is in the hands of replicas.
        await sleep(LOOK_EACH_MS);
      }
    });
  } finally {
    clearInterval(look);
    bar.end();
  }
}

function inWords({ state, total, remaining, unopenable }: RewrapView): string {
  const moved = `${total - remaining} of ${total} data keys are under the active key`;
  if (state === 'running') return `Rewrapping: ${moved}.`;
  if (state !== 'incomplete') return `Rewrapped: ${moved}.`;
  return `Rewrapped: ${moved}; ${unopenable} do not open and stay. Connect those connections anew; their ids stand in the log.`;
}
