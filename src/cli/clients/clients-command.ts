import type { Command } from 'commander';
import type { ClientDetailsRow, ClientKeyRow } from '../../auth/client-row.ts';
import {
  CreateClientRequest,
  toClientChange,
  toKeyExpiry,
  toNewClient,
  UpdateClientRequest,
} from '../../clients/client-request.dto.ts';
import { toClientKeyResponse, toClientResponse } from '../../clients/client-response.dto.ts';
import { ClientUpdater } from '../../clients/client-updater.ts';
import { ClientsService } from '../../clients/clients.service.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { type CommandContext, formatTable, loadCommandConfig, withApplicationContext } from '../command-context.ts';
import { UsageError } from '../command-error.ts';
import { OPERATOR } from '../operator.ts';
import { readPages, toIdPage } from '../read-pages.ts';
import { type ClientOptions, toRequestBody, withValidatedRequest } from './client-options.ts';

const PAGE_SIZE = 200;

interface CommandOptions extends ClientOptions {
  json?: true;
}

interface ClientServices {
  store: ClientsService;
  changes: ClientUpdater;
  print: CommandContext['print'];
}

/** `metavault clients`: the clients and their keys, for those who reach the database but not (or not yet) the API. */
export function addClientsCommand(program: Command, context: CommandContext): void {
  const clients = program.command('clients').description('make, list, change and delete clients');
  const runWithServices = (work: (services: ClientServices) => Promise<void>): Promise<void> =>
    withApplicationContext(loadCommandConfig(context.environment), (app) =>
      work({ store: app.get(ClientsService), changes: app.get(ClientUpdater), print: context.print }),
    );
  withPolicyOptions(
    clients.command('create').description('make a client and print its key, which is shown this once only'),
  )
    .requiredOption('--name <name>')
    .requiredOption('--role <role>', 'service, admin or auditor')
    .option('--expires-in-days <number>', 'how long the key works (default: until it is replaced)')
    .option('--json', 'as JSON')
    .action((options: CommandOptions) => runWithServices((services) => create(services, options)));
  withPolicyOptions(
    clients.command('update <id>').description('change a client, for its next call; what is not named stays'),
  )
    .option('--name <name>')
    .option('--json', 'as JSON')
    .action((id: string, options: CommandOptions) => runWithServices((services) => update(services, id, options)));
  clients
    .command('list')
    .option('--json', 'as JSON')
    .action(({ json }: CommandOptions) => runWithServices((services) => list(services, json === true)));
  clients
    .command('show <id>')
    .description('one client, its policy and its keys')
    .option('--json', 'as JSON')
    .action((id: string, { json }: CommandOptions) => runWithServices((services) => show(services, id, json === true)));
  clients
    .command('rotate-key <id>')
    .description('give a client a new key, which is shown this once only')
    .option('--grace-seconds <number>', 'how long the old keys go on working', '3600')
    .option('--expires-in-days <number>', 'how long the new key works (default: until it is replaced)')
    .option('--json', 'as JSON')
    .action((id: string, options: CommandOptions & { graceSeconds: string }) =>
      runWithServices((services) => rotateKey(services, id, options)),
    );
  clients
    .command('delete <id>')
    .description('delete a client; its keys and leases end at once')
    .action((id: string) =>
      runWithServices(async ({ store, print }) => {
        await store.delete(OPERATOR, id);
        print(`${id} is deleted`);
      }),
    );
}

function withPolicyOptions(command: Command): Command {
  return command
    .option('--tenants <tenants...>', "'*' is all; required for a service")
    .option('--products <products...>', "'*' is all; required for a service")
    .option('--lease-modes <modes...>', 'gateway, token (default gateway)')
    .option('--max-ttl-seconds <number>')
    .option('--rate-limit-per-second <number>', 'calls of the API a second and replica, or none')
    .option(
      '--allow <patterns...>',
      "Graph calls that may pass: 'GET /*/insights', 'whatsapp=POST /*/messages', or none",
    )
    .option('--ip <ranges...>', 'where it may call from: 203.0.113.0/24, or none')
    .option('--identity <identities...>', 'issuer,audience,subject of its tokens, or none');
}

/** Under the same rules as `POST /v1/clients`. */
async function create({ store, print }: ClientServices, options: CommandOptions): Promise<void> {
  const { client, apiKey, keyExpiresAt } = await withValidatedRequest(
    CreateClientRequest,
    toRequestBody(options),
    (request) => store.create(OPERATOR, toNewClient(request)),
  );
  const end = keyExpiresAt?.toISOString() ?? null;
  if (options.json === true)
    return printJson(print, { ...toClientResponse(client), api_key: apiKey.expose(), api_key_expires_at: end });
  print(`${client.id}\n${apiKey.expose()}`);
  if (end !== null) print(`The key works until ${end}.`);
}

/** Under the same rules as `PATCH /v1/clients/{id}`. */
async function update(services: ClientServices, id: string, options: CommandOptions): Promise<void> {
  const body = toRequestBody(options);
  if (Object.keys(body).length === 0) throw new UsageError('Name what is to be changed; --help lists it.');
  await withValidatedRequest(UpdateClientRequest, body, (request) =>
    services.changes.change(OPERATOR, id, toClientChange(request)),
  );
  await show(services, id, options.json === true);
}

async function rotateKey(
  { store, print }: ClientServices,
  id: string,
  options: CommandOptions & { graceSeconds: string },
): Promise<void> {
  const { graceSeconds, expiresInDays } = options;
  if (!/^\d{1,7}$/.test(graceSeconds)) throw new UsageError('--grace-seconds must be a whole number.');
  if (expiresInDays !== undefined && !/^[1-9]\d{0,3}$/.test(expiresInDays)) {
    throw new UsageError('--expires-in-days must be a whole number from 1 to 9999.');
  }
  const expiry = toKeyExpiry(
    expiresInDays === undefined ? {} : { expires_in_seconds: Number(expiresInDays) * DAY_SECONDS },
  );
  const issued = await store.issueKey(OPERATOR, id, Number(graceSeconds), null, expiry);
  const previous = issued.previousKeysExpireAt.toISOString();
  const end = issued.expiresAt?.toISOString() ?? null;
  if (options.json === true) {
    return printJson(print, {
      api_key: issued.apiKey.expose(),
      api_key_expires_at: end,
      previous_keys_expire_at: previous,
    });
  }
  print(`${issued.apiKey.expose()}\nThe old keys work until ${previous}.`);
  if (end !== null) print(`The new key works until ${end}.`);
}

async function show({ store, print }: ClientServices, id: string, asJson: boolean): Promise<void> {
  const client = await store.get(id);
  const view = toView(client, await store.listKeys([client.id]));
  if (asJson) return printJson(print, view);
  const { keys, ...fields } = view;
  print(formatTable(Object.entries(fields).map(([field, value]) => [field, formatValue(value)])));
  const rows = keys.map((key) => [key.created_at, key.expires_at ?? 'never', key.last_used_at ?? 'never']);
  print(`\n${formatTable([['KEY MADE', 'ENDS', 'LAST USED'], ...rows])}`);
}

async function list({ store, print }: ClientServices, asJson: boolean): Promise<void> {
  const views = [];
  for await (const page of readPages(async (after) => toIdPage(await store.list(PAGE_SIZE, after), PAGE_SIZE))) {
    const keys = await store.listKeys(page.map(({ id }) => id));
    views.push(...page.map((row) => toView(row, keys)));
  }
  if (asJson) return printJson(print, { data: views });
  const rows = views.map(({ id, name, role, tenants, products, keys, last_used_at: usedAt }) => [
    id,
    role,
    name,
    formatValue(tenants),
    formatValue(products),
    String(keys.length),
    usedAt ?? 'never',
  ]);
  print(formatTable([['ID', 'ROLE', 'NAME', 'TENANTS', 'PRODUCTS', 'KEYS', 'LAST USED'], ...rows]));
}

function toView(row: ClientDetailsRow, keys: ReadonlyMap<string, ClientKeyRow[]>) {
  return { ...toClientResponse(row), keys: (keys.get(row.id) ?? []).map(toClientKeyResponse) };
}

/** Simple lists with commas, everything else as JSON. */
function formatValue(value: unknown): string {
  const isWords = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
  return isWords ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value);
}

function printJson(print: CommandContext['print'], value: object): void {
  print(JSON.stringify(value, null, 2));
}
