import type { Command } from 'commander';
import { connectionNotFound } from '../connections/connection-problems.ts';
import { type ConnectionFilter, ConnectionReader } from '../connections/connection-reader.ts';
import { type ConnectionStatus } from '../connections/connection-state.ts';
import type { ConnectionView } from '../connections/connection-view.ts';
import { CredentialWriter } from '../connections/credential-writer.ts';
import { RevokeConnection } from '../connections/revoke-connection.ts';
import { Outbox } from '../events/outbox.ts';
import { AppError } from '../platform/problem.ts';
import { StartFailure } from '../start-failure.ts';
import type { Stores } from '../stores.ts';
import { type CommandContext, commandConfig, table, withStores } from './command-context.ts';
import { explainProblems, OPERATOR } from './operator.ts';
import { confirm, progressBar } from './terminal.ts';

interface Selection {
  tenant?: string;
  product?: string;
  status?: ConnectionStatus;
  app?: string;
  json?: true;
}

interface RevokeOptions extends Selection {
  dryRun?: true;
  yes?: true;
}

const PAGE = 200;

/** `metavault connections`: what is connected, over all tenants, and its end. */
export function addConnectionsCommand(program: Command, context: CommandContext): void {
  const connections = program.command('connections').description('list, show and revoke connections');
  const onStores = (work: (stores: Stores) => Promise<void>): Promise<void> =>
    withStores(commandConfig(context.environment), (stores) => explainProblems(() => work(stores)));
  connections
    .command('list')
    .option('--tenant <tenant>')
    .option('--product <product>')
    .option('--status <status>', 'active, reauth_required or revoked')
    .option('--app <id>', 'of this Meta app')
    .option('--json', 'as JSON')
    .action((options: Selection) => onStores((stores) => list(stores, options, context)));
  connections
    .command('show <id>')
    .description('one connection as JSON, as GET /v1/connections/{id} shows it')
    .action((id: string) =>
      onStores(async (stores) => {
        const view = await new ConnectionReader(stores.database).findAcrossTenants(id);
        if (view === null) throw new AppError(connectionNotFound);
        context.print(JSON.stringify(view, null, 2));
      }),
    );
  connections
    .command('revoke [ids...]')
    .description('end connections for good: by id, or all of a tenant, a product or an app')
    .option('--tenant <tenant>')
    .option('--product <product>')
    .option('--app <id>', 'of this Meta app')
    .option('--dry-run', 'only list what would be revoked')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((ids: string[], options: RevokeOptions) => onStores((stores) => revoke(stores, ids, options, context)));
}

async function list({ database }: Stores, options: Selection, context: CommandContext): Promise<void> {
  show(await select(new ConnectionReader(database), options), options.json === true, context);
}

async function revoke(
  { database, vault, keyRing, ids: makeIds, random, audit, clock }: Stores,
  ids: readonly string[],
  options: RevokeOptions,
  context: CommandContext,
): Promise<void> {
  const reader = new ConnectionReader(database);
  const chosen = (await choose(reader, ids, options)).filter(({ status }) => status !== 'revoked');
  if (options.dryRun === true || chosen.length === 0) return show(chosen, options.json === true, context);
  await confirm(`${chosen.length} connections will be revoked for good.`, options.yes === true);
  const writer = new CredentialWriter(vault, keyRing, makeIds, random);
  const service = new RevokeConnection(database, writer, audit, new Outbox(clock, makeIds), clock);
  const bar = progressBar('revoking');
  const done = [];
  for (const { id } of chosen) {
    const revoked = await service.revoke(id, { actor: OPERATOR, requestId: null, reason: 'operator' });
    done.push({ id, leases_revoked: revoked?.leasesRevoked, provider_revocation: revoked?.providerRevocation });
    bar.show(done.length, chosen.length);
  }
  bar.end();
  if (options.json === true) return context.print(JSON.stringify({ data: done }, null, 2));
  const rows = done.map((each) => [each.id, String(each.leases_revoked), each.provider_revocation ?? '']);
  context.print(table([['ID', 'LEASES ENDED', 'AT META'], ...rows]));
}

/** Named ones, or a whole tenant, product or app; never everything by having forgotten to say what. */
async function choose(reader: ConnectionReader, ids: readonly string[], options: Selection): Promise<ConnectionView[]> {
  const { tenant, product, app } = options;
  const hasFilter = tenant !== undefined || product !== undefined || app !== undefined;
  if (hasFilter === ids.length > 0) {
    throw new StartFailure('Give either ids or at least one of --tenant, --product, --app.', undefined);
  }
  if (hasFilter) return select(reader, options);
  const found = await Promise.all(ids.map((id) => reader.findAcrossTenants(id)));
  const missing = ids.filter((_, index) => found[index] === null);
  if (missing.length > 0) throw new StartFailure(`There is no connection ${missing.join(', ')}.`, undefined);
  return found.filter((view) => view !== null);
}

async function select(reader: ConnectionReader, selection: Selection): Promise<ConnectionView[]> {
  const { tenant, product, status, app } = selection;
  const filter: Omit<ConnectionFilter, 'after'> = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(product === undefined ? {} : { product }),
    ...(status === undefined ? {} : { status }),
    visibleTenants: null,
    visibleProducts: null,
    limit: PAGE,
  };
  const all: ConnectionView[] = [];
  for (let after: string | null = null; ; ) {
    const page = await reader.list({ ...filter, after });
    all.push(...page.data.filter(({ app_id }) => app === undefined || app_id === app));
    if (page.next_cursor === null) return all;
    after = page.data.at(-1)?.id ?? null;
  }
}

function show(views: readonly ConnectionView[], asJson: boolean, { print }: CommandContext): void {
  if (asJson) {
    print(JSON.stringify({ data: views }, null, 2));
    return;
  }
  const rows = views.map((view) => [view.id, view.tenant, view.product, view.status, view.meta_user_id, view.app_id]);
  print(table([['ID', 'TENANT', 'PRODUCT', 'STATUS', 'META USER', 'APP'], ...rows]));
}
