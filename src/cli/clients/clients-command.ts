import { type Command, Option } from 'commander';
import { LEASE_MODES, ROLES } from '../../auth/authenticated-client.ts';
import {
  CreateClientRequest,
  toClientChange,
  toKeyExpiry,
  toNewClient,
  UpdateClientRequest,
} from '../../clients/client-request.dto.ts';
import {
  type ClientWithKeysResponse,
  toClientResponse,
  toClientWithKeysResponse,
} from '../../clients/client-response.dto.ts';
import { ClientUpdater } from '../../clients/client-updater.ts';
import { ClientsService } from '../../clients/clients.service.ts';
import { Database } from '../../database/database.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import {
  type CommandContext,
  formatTable,
  loadCommandConfig,
  printResult,
  withApplicationContext,
} from '../command-context.ts';
import { UsageError } from '../command-error.ts';
import { addExamples } from '../command-examples.ts';
import { endDurably } from '../end-durably.ts';
import { OPERATOR } from '../operator.ts';
import { readPages, toIdPage } from '../read-pages.ts';
import { type ClientOptions, toRequestBody, withValidatedRequest } from './client-options.ts';

const PAGE_SIZE = 200;

interface ClientServices {
  store: ClientsService;
  changes: ClientUpdater;
  database: Database;
}

type RunWithServices = (work: (services: ClientServices) => Promise<void>) => Promise<void>;

interface RotateKeyOptions {
  graceSeconds: string;
  expiresInDays?: string;
}

/** `metavault clients`: manages clients and their keys without the API, so it works before the first admin exists. */
export function addClientsCommand(program: Command, context: CommandContext): void {
  const clients = program
    .command('clients')
    .description('create, list, change and delete clients, and rotate their keys');
  const run: RunWithServices = (work) =>
    withApplicationContext(context, loadCommandConfig(context.environment), (app) =>
      work({ store: app.get(ClientsService), changes: app.get(ClientUpdater), database: app.get(Database) }),
    );
  addCreateAndUpdate(clients, run, context);
  addExamples(
    clients
      .command('list')
      .description('list all clients')
      .action(() => run((services) => list(services, context))),
    ['metavault clients list', 'list clients, and when each was last used'],
  );
  addExamples(
    clients
      .command('show <id>')
      .description('show one client, its policy and its keys')
      .action((id: string) => run((services) => show(services, id, context))),
    ['metavault clients show cli_01K0000000000000000000000A', 'see what a client may do'],
  );
  addExamples(
    clients
      .command('rotate-key <id>')
      .description('give a client a new key, printed only this once')
      .option('--grace-seconds <number>', 'how long the old keys keep working', '3600')
      .option('--expires-in-days <number>', 'how long the new key works (default: until it is replaced)')
      .action((id: string, options: RotateKeyOptions) => run((services) => rotateKey(services, id, options, context))),
    [
      'metavault clients rotate-key cli_01K0000000000000000000000A',
      'replace a key; the old one works for another hour',
    ],
    ['metavault clients rotate-key cli_01K0000000000000000000000A --grace-seconds 0', 'replace a leaked key at once'],
  );
  addExamples(
    clients
      .command('delete <id>')
      .description('delete a client; its keys and leases end at once')
      .action((id: string) => run((services) => deleteClient(services, id, context))),
    ['metavault clients delete cli_01K0000000000000000000000A', 'delete a client'],
  );
}

function addCreateAndUpdate(clients: Command, run: RunWithServices, context: CommandContext): void {
  addExamples(
    withPolicyOptions(clients.command('create').description('create a client and print its key, only this once'))
      .requiredOption('--name <name>', 'a name for people')
      .addOption(new Option('--role <role>', 'its role').choices(ROLES).makeOptionMandatory())
      .option('--expires-in-days <number>', 'how long the key works (default: until it is replaced)')
      .action((options: ClientOptions) => run((services) => create(services, options, context))),
    ['metavault clients create --name ops --role admin', 'create an administrator'],
    [
      "metavault clients create --name bot --role service --tenants '*' --products whatsapp --allow 'POST /*/messages'",
      'create a service that may only send WhatsApp messages',
    ],
    [
      'metavault clients create --name acme-ops --role tenant_admin --tenants acme',
      'let a customer administer its own Meta app and connections',
    ],
  );
  addExamples(
    withPolicyOptions(
      clients
        .command('update <id>')
        .description('change a client from its next call on; options that are not given stay as they are'),
    )
      .option('--name <name>', 'a name for people')
      .action((id: string, options: ClientOptions) => run((services) => update(services, id, options, context))),
    ['metavault clients update cli_01K0000000000000000000000A --ip 203.0.113.0/24', 'limit where a client calls from'],
    ['metavault clients update cli_01K0000000000000000000000A --ip none', 'let it call from anywhere again'],
  );
}

function withPolicyOptions(command: Command): Command {
  return command
    .option('--tenants <tenants...>', "tenants it may use; '*' for all; required for a service and a tenant_admin")
    .option('--products <products...>', "products it may use; '*' for all; required for a service")
    .addOption(
      new Option('--lease-modes <modes...>', 'kinds of leases it may get (default: gateway)').choices(LEASE_MODES),
    )
    .option('--max-ttl-seconds <number>', 'longest lease it may get')
    .option('--rate-limit-per-second <number>', 'API calls per second and replica, or none')
    .option('--allow <patterns...>', "Graph calls it may make: 'GET /*/insights', 'whatsapp=POST /*/messages', or none")
    .option('--ip <ranges...>', 'addresses it may call from: 203.0.113.0/24, or none')
    .option('--identity <identities...>', 'issuer,audience,subject of its OIDC tokens, or none');
}

/** Applies the rules of `POST /v1/clients`. */
async function create({ store }: ClientServices, options: ClientOptions, context: CommandContext): Promise<void> {
  const { client, apiKey, keyExpiresAt } = await withValidatedRequest(
    CreateClientRequest,
    toRequestBody(options),
    (request) => store.create(OPERATOR, toNewClient(request)),
  );
  const end = keyExpiresAt?.toISOString() ?? null;
  const document = { ...toClientResponse(client), api_key: apiKey.expose(), api_key_expires_at: end };
  printResult(context, document, () =>
    [client.id, apiKey.expose(), ...(end === null ? [] : [`The key works until ${end}.`])].join('\n'),
  );
}

/** Applies the rules of `PATCH /v1/clients/{id}`. */
async function update(
  services: ClientServices,
  id: string,
  options: ClientOptions,
  context: CommandContext,
): Promise<void> {
  const body = toRequestBody(options);
  if (Object.keys(body).length === 0) throw new UsageError('Nothing to change.', 'Give an option; --help lists them.');
  await withValidatedRequest(UpdateClientRequest, body, (request) =>
    services.changes.change(OPERATOR, id, toClientChange(request)),
  );
  await show(services, id, context);
}

async function rotateKey(
  { store }: ClientServices,
  id: string,
  { graceSeconds, expiresInDays }: RotateKeyOptions,
  context: CommandContext,
): Promise<void> {
  if (!/^\d{1,7}$/.test(graceSeconds)) throw new UsageError('--grace-seconds must be a whole number.');
  if (expiresInDays !== undefined && !/^[1-9]\d{0,3}$/.test(expiresInDays)) {
    throw new UsageError('--expires-in-days must be a whole number from 1 to 9999.');
  }
  const expiry = toKeyExpiry(
    expiresInDays === undefined ? {} : { expires_in_seconds: Number(expiresInDays) * DAY_SECONDS },
  );
  const issued = await store.issueKey(OPERATOR, id, Number(graceSeconds), null, expiry);
  const apiKey = issued.apiKey.expose();
  const previous = issued.previousKeysExpireAt.toISOString();
  const end = issued.expiresAt?.toISOString() ?? null;
  const document = { api_key: apiKey, api_key_expires_at: end, previous_keys_expire_at: previous };
  printResult(context, document, () =>
    [apiKey, `The old keys work until ${previous}.`, ...(end === null ? [] : [`The new key works until ${end}.`])].join(
      '\n',
    ),
  );
}

async function deleteClient({ store, database }: ClientServices, id: string, context: CommandContext): Promise<void> {
  await endDurably(database, context, () => store.delete(OPERATOR, id));
  printResult(context, { id, deleted: true }, () => `${id} is deleted`);
}

async function show({ store }: ClientServices, id: string, context: CommandContext): Promise<void> {
  const client = await store.get(id);
  const view = toClientWithKeysResponse(client, await store.listKeys([client.id]));
  printResult(context, view, () => {
    const { keys, ...fields } = view;
    const facts = Object.entries(fields).map(([field, value]) => [field, formatValue(value)]);
    const rows = keys.map((key) => [key.created_at, key.expires_at ?? 'never', key.last_used_at ?? 'never']);
    return `${formatTable(facts)}\n\n${formatTable([['KEY CREATED', 'EXPIRES', 'LAST USED'], ...rows])}`;
  });
}

async function list({ store }: ClientServices, context: CommandContext): Promise<void> {
  const views: ClientWithKeysResponse[] = [];
  for await (const page of readPages(async (after) => toIdPage(await store.list(PAGE_SIZE, after), PAGE_SIZE))) {
    const keys = await store.listKeys(page.map(({ id }) => id));
    views.push(...page.map((row) => toClientWithKeysResponse(row, keys)));
  }
  printResult(context, { data: views }, () => {
    const rows = views.map(({ id, name, role, tenants, products, keys, last_used_at: usedAt }) => [
      id,
      role,
      name,
      formatValue(tenants),
      formatValue(products),
      String(keys.length),
      usedAt ?? 'never',
    ]);
    return formatTable([['ID', 'ROLE', 'NAME', 'TENANTS', 'PRODUCTS', 'KEYS', 'LAST USED'], ...rows]);
  });
}

/** Lists of words with commas, anything else as JSON. */
function formatValue(value: unknown): string {
  const isWords = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
  return isWords ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value);
}
