import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import type { Command } from 'commander';
import { CreateClientRequest, toNewClient } from '../access/client-requests.ts';
import { ClientStore } from '../access/client-store.ts';
import { toClientView } from '../access/client-view.ts';
import { inputErrors } from '../platform/validation.pipe.ts';
import { StartFailure } from '../start-failure.ts';
import type { Stores } from '../stores.ts';
import { type CommandContext, commandConfig, table, withStores } from './command-context.ts';
import { explainProblems, OPERATOR } from './operator.ts';

const PAGE = 200;

interface CreateOptions {
  name: string;
  role: string;
  tenants?: string[];
  products?: string[];
  leaseModes?: string[];
  maxTtlSeconds?: string;
  rateLimitPerSecond?: string;
}

/** `metavault clients`: the clients and their keys, for those who reach the database but not (or not yet) the API. */
export function addClientsCommand(program: Command, context: CommandContext): void {
  const clients = program.command('clients').description('make, list and delete clients');
  const onStore = (work: (store: ClientStore) => Promise<void>): Promise<void> =>
    withStores(commandConfig(context.environment), (stores) => explainProblems(() => work(clientStore(stores))));
  clients
    .command('create')
    .description('make a client and print its key, which is shown this once only')
    .requiredOption('--name <name>')
    .requiredOption('--role <role>', 'service, admin or auditor')
    .option('--tenants <tenants...>', "'*' is all; required for a service")
    .option('--products <products...>', "'*' is all; required for a service")
    .option('--lease-modes <modes...>', 'gateway, token (default gateway)')
    .option('--max-ttl-seconds <number>')
    .option('--rate-limit-per-second <number>')
    .action((options: CreateOptions) => onStore((store) => create(store, options, context)));
  clients
    .command('list')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) => onStore((store) => list(store, json === true, context)));
  clients
    .command('rotate-key <id>')
    .description('give a client a new key, which is shown this once only')
    .option('--grace-seconds <number>', 'how long the old keys go on working', '3600')
    .action((id: string, { graceSeconds }: { graceSeconds: string }) =>
      onStore((store) => rotateKey(store, id, graceSeconds, context)),
    );
  clients
    .command('delete <id>')
    .description('delete a client; its keys and leases end at once')
    .action((id: string) =>
      onStore(async (store) => {
        await store.delete(OPERATOR, id);
        context.print(`${id} is deleted`);
      }),
    );
}

function clientStore({ database, clock, ids, random, keyRing, audit }: Stores): ClientStore {
  return new ClientStore(database, clock, ids, random, keyRing, audit);
}

/** Under the same rules as `POST /v1/clients`. */
async function create(store: ClientStore, options: CreateOptions, { print }: CommandContext): Promise<void> {
  const request = plainToInstance(CreateClientRequest, {
    name: options.name,
    role: options.role,
    tenants: options.tenants,
    products: options.products,
    lease_modes: options.leaseModes,
    max_ttl_seconds: options.maxTtlSeconds === undefined ? undefined : Number(options.maxTtlSeconds),
    rate_limit_per_second: options.rateLimitPerSecond === undefined ? undefined : Number(options.rateLimitPerSecond),
  });
  const faults = inputErrors(await validate(request, { stopAtFirstError: true }));
  if (faults.length > 0) {
    const lines = faults.map(({ path, message }) => `  - --${path.replaceAll('_', '-')}: ${message}`);
    throw new StartFailure(`No client was made:\n${lines.join('\n')}`, undefined);
  }
  const { client, apiKey } = await store.create(OPERATOR, toNewClient(request));
  print(`${client.id}\n${apiKey.expose()}`);
}

async function rotateKey(store: ClientStore, id: string, grace: string, { print }: CommandContext): Promise<void> {
  if (!/^\d{1,7}$/.test(grace)) throw new StartFailure('--grace-seconds must be a whole number.', undefined);
  const { apiKey, previousKeysExpireAt } = await store.issueKey(OPERATOR, id, Number(grace));
  print(`${apiKey.expose()}\nThe old keys work until ${previousKeysExpireAt.toISOString()}.`);
}

async function list(store: ClientStore, asJson: boolean, { print }: CommandContext): Promise<void> {
  const views = [];
  for (let after: string | null = null; ; ) {
    const rows = await store.list(PAGE, after);
    views.push(...rows.slice(0, PAGE).map(toClientView));
    if (rows.length <= PAGE) break;
    after = rows[PAGE - 1]?.id ?? null;
  }
  if (asJson) return print(JSON.stringify({ data: views }, null, 2));
  const rows = views.map(({ id, name, role, tenants, products }) => [
    id,
    role,
    name,
    tenants.join(','),
    products.join(','),
  ]);
  print(table([['ID', 'ROLE', 'NAME', 'TENANTS', 'PRODUCTS'], ...rows]));
}
