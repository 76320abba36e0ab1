import type { Command } from 'commander';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound } from '../../connections/connection/connection-problems.ts';
import { AppError } from '../../platform/problem.ts';
import { type CommandContext, loadCommandConfig, printResult, withApplicationContext } from '../command-context.ts';
import { addExamples } from '../command-examples.ts';
import { addFilterOptions, addSelectionOptions, type Selection, selectConnections } from './connection-selection.ts';
import { formatConnectionDetails, formatConnections } from './connection-tables.ts';
import { addConnectionActionCommand } from './refresh-command.ts';
import { addRevokeCommand } from './revoke-command.ts';
import { addUpdateCommand } from './update-command.ts';

/** `metavault connections`: lists, shows, describes, checks, refreshes and revokes connections of all tenants. */
export function addConnectionsCommand(program: Command, context: CommandContext): void {
  const connections = program
    .command('connections')
    .description('list, show, describe, refresh, check and revoke connections');
  const run = (work: (repository: ConnectionRepository) => Promise<void>): Promise<void> =>
    withApplicationContext(context, loadCommandConfig(context.environment), (app) =>
      work(app.get(ConnectionRepository)),
    );
  addExamples(
    addFilterOptions(
      addSelectionOptions(connections.command('list').description('list connections of all tenants, oldest first')),
    ).action((options: Selection) => run((repository) => list(repository, options, context))),
    ['metavault connections list --status reauth_required', 'list connections whose user must log in again'],
    ['metavault connections list --tenant acme --product whatsapp --json', 'list those of one tenant as JSON'],
    ['metavault connections list --health expiring --expires-before 2026-02-28T00:00:00Z', 'list what ends soon'],
    ['metavault connections list --search acme', 'find by an id, a reference, a tenant, or a name'],
  );
  addExamples(
    connections
      .command('show <id>')
      .description('show a connection with its credentials and assets, as GET /v1/connections/{id} does')
      .action((id: string) => run((repository) => show(repository, id, context))),
    ['metavault connections show con_01K0000000000000000000000A', 'see why a connection fails, and the remedy'],
  );
  addConnectionActionCommand(connections, 'refresh', context);
  addConnectionActionCommand(connections, 'check', context);
  addUpdateCommand(connections, context);
  addRevokeCommand(connections, 'connections revoke', context);
}

async function list(repository: ConnectionRepository, options: Selection, context: CommandContext): Promise<void> {
  const data = await selectConnections(repository, options);
  printResult(context, { data }, () => formatConnections(data));
}

async function show(repository: ConnectionRepository, id: string, context: CommandContext): Promise<void> {
  const view = await repository.findAcrossTenants(id);
  if (view === null) throw new AppError(connectionNotFound);
  printResult(context, view, () => formatConnectionDetails(view));
}
