import type { Command } from 'commander';
import type { Stores } from '../../bootstrap/core-services.ts';
import { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound } from '../../connections/connection/connection-problems.ts';
import { AppError } from '../../platform/problem.ts';
import { type CommandContext, commandConfig, withStores } from '../command-context.ts';
import { explainProblems } from '../operator.ts';
import { type Selection, selectConnections, selecting } from './connection-selection.ts';
import { connectionSheet, connectionTable } from './connection-tables.ts';
import { addConnectionWork } from './refresh-command.ts';
import { addRevokeCommand } from './revoke-command.ts';

interface ListOptions extends Selection {
  json?: true;
}

/** `metavault connections`: what is connected, over all tenants; looking after it, and its end. */
export function addConnectionsCommand(program: Command, context: CommandContext): void {
  const connections = program.command('connections').description('list, show, refresh, check and revoke connections');
  const onStores = (work: (stores: Stores) => Promise<void>): Promise<void> =>
    withStores(commandConfig(context.environment), (stores) => explainProblems(() => work(stores)));
  selecting(connections.command('list').description('the connections of all tenants, the oldest first'))
    .option('--status <status>', 'active, reauth_required or revoked')
    .option('--json', 'as JSON')
    .action((options: ListOptions) => onStores((stores) => list(stores, options, context)));
  connections
    .command('show <id>')
    .description('one connection with its credentials and assets')
    .option('--json', 'as JSON, as GET /v1/connections/{id} shows it')
    .action((id: string, options: { json?: true }) => onStores((stores) => show(stores, id, options, context)));
  addConnectionWork(connections, 'refresh', context);
  addConnectionWork(connections, 'check', context);
  addRevokeCommand(connections, context);
}

async function list({ database }: Stores, options: ListOptions, { print }: CommandContext): Promise<void> {
  const views = await selectConnections(new ConnectionReader(database), options);
  print(options.json === true ? JSON.stringify({ data: views }, null, 2) : connectionTable(views));
}

async function show(
  { database }: Stores,
  id: string,
  { json }: { json?: true },
  { print }: CommandContext,
): Promise<void> {
  const view = await new ConnectionReader(database).findAcrossTenants(id);
  if (view === null) throw new AppError(connectionNotFound);
  print(json === true ? JSON.stringify(view, null, 2) : connectionSheet(view));
}
