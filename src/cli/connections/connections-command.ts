import type { Command } from 'commander';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound } from '../../connections/connection/connection-problems.ts';
import { AppError } from '../../platform/problem.ts';
import { type CommandContext, loadCommandConfig, withApplicationContext } from '../command-context.ts';
import { addSelectionOptions, type Selection, selectConnections } from './connection-selection.ts';
import { formatConnectionDetails, formatConnections } from './connection-tables.ts';
import { addConnectionActionCommand } from './refresh-command.ts';
import { addRevokeCommand } from './revoke-command.ts';

interface ListOptions extends Selection {
  json?: true;
}

/** `metavault connections`: lists, checks, refreshes and revokes connections of all tenants. */
export function addConnectionsCommand(program: Command, context: CommandContext): void {
  const connections = program.command('connections').description('list, show, refresh, check and revoke connections');
  const runWithRepository = (work: (repository: ConnectionRepository) => Promise<void>): Promise<void> =>
    withApplicationContext(loadCommandConfig(context.environment), (app) => work(app.get(ConnectionRepository)));
  addSelectionOptions(connections.command('list').description('the connections of all tenants, the oldest first'))
    .option('--status <status>', 'active, reauth_required or revoked')
    .option('--json', 'as JSON')
    .action((options: ListOptions) => runWithRepository((repository) => list(repository, options, context)));
  connections
    .command('show <id>')
    .description('one connection with its credentials and assets')
    .option('--json', 'as JSON, as GET /v1/connections/{id} shows it')
    .action((id: string, options: { json?: true }) =>
      runWithRepository((repository) => show(repository, id, options, context)),
    );
  addConnectionActionCommand(connections, 'refresh', context);
  addConnectionActionCommand(connections, 'check', context);
  addRevokeCommand(connections, context);
}

async function list(repository: ConnectionRepository, options: ListOptions, { print }: CommandContext): Promise<void> {
  const views = await selectConnections(repository, options);
  print(options.json === true ? JSON.stringify({ data: views }, null, 2) : formatConnections(views));
}

async function show(
  repository: ConnectionRepository,
  id: string,
  { json }: { json?: true },
  { print }: CommandContext,
): Promise<void> {
  const view = await repository.findAcrossTenants(id);
  if (view === null) throw new AppError(connectionNotFound);
  print(json === true ? JSON.stringify(view, null, 2) : formatConnectionDetails(view));
}
