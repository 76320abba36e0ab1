import type { Command } from 'commander';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import {
  type CommandContext,
  formatTable,
  loadCommandConfig,
  printResult,
  withApplicationContext,
} from '../command-context.ts';
import { IncompleteError, InterruptedError } from '../command-error.ts';
import { addExamples } from '../command-examples.ts';
import {
  addServiceOptions,
  type ServiceOptions,
  withVaultService,
  withVaultServiceFor,
} from '../service/with-vault-service.ts';
import { createProgress } from '../terminal/progress.ts';
import { runInterruptible } from '../terminal/run-interruptible.ts';
import { addSelectionOptions, chooseConnections, requireHealthy, type Selection } from './connection-selection.ts';

type ConnectionAction = 'refresh' | 'check';

interface WorkOptions extends ServiceOptions, Selection {}

const ACTIONS = {
  refresh: {
    description: 'refresh tokens now, due or not: by id, or all of a tenant, product or app',
    verb: 'Refreshing',
    example: 'refresh the tokens of a connection that was just repaired',
  },
  check: {
    description: 'inspect tokens at Meta now: by id, or all of a tenant, product or app',
    verb: 'Checking',
    example: 'find out whether a token still works',
  },
} as const;

/** `metavault refresh`: refreshes everything that is due, as REFRESH_CRON does. */
export function addRefreshCommand(program: Command, context: CommandContext): void {
  const command = addServiceOptions(
    program.command('refresh').description('refresh all tokens that are due, as replicas do by REFRESH_CRON'),
  ).action((options: ServiceOptions) => runInterruptible(context, (signal) => sweep(options, signal, context)));
  addExamples(
    command,
    ['metavault refresh', 'refresh what is due, without a running replica'],
    ['metavault refresh --url https://vault.example.com --key-file admin.key', 'let a running service do it'],
  );
}

/** `metavault connections refresh|check`. */
export function addConnectionActionCommand(
  connections: Command,
  action: ConnectionAction,
  context: CommandContext,
): void {
  const { description, example } = ACTIONS[action];
  const command = addServiceOptions(
    addSelectionOptions(connections.command(`${action} [ids...]`).description(description)),
  ).action((ids: string[], options: WorkOptions) =>
    runInterruptible(context, (signal) => runOnEach(action, ids, options, signal, context)),
  );
  addExamples(
    command,
    [`metavault connections ${action} con_01K0000000000000000000000A`, example],
    [`metavault connections ${action} --tenant acme --product pages`, 'the same for all Pages of a tenant'],
  );
}

async function sweep(options: ServiceOptions, signal: AbortSignal, context: CommandContext): Promise<void> {
  const result = await withVaultService(context, options, signal, (service) => service.sweep());
  const { claimed, refreshed, failed, skipped, duration_seconds: seconds } = result;
  printResult(
    context,
    result,
    () => `${claimed} were due: ${refreshed} refreshed, ${failed} failed, ${skipped} skipped, in ${seconds} s.`,
  );
  if (signal.aborted) throw new InterruptedError('Stopped.', 'What is left is still due: run it again.');
  if (failed > 0) {
    throw new IncompleteError(
      `${failed} refreshes failed.`,
      'They are retried automatically; metavault connections show says why one failed.',
    );
  }
}

async function runOnEach(
  action: ConnectionAction,
  ids: readonly string[],
  options: WorkOptions,
  signal: AbortSignal,
  context: CommandContext,
): Promise<void> {
  const done: ConnectionResponse[] = [];
  const chooseUnrevoked = async (connections: ConnectionRepository): Promise<ConnectionResponse[]> =>
    (await chooseConnections(connections, ids, options)).filter(({ status }) => status !== 'revoked');
  const unrevoked = await withVaultServiceFor(context, options, signal, chooseUnrevoked, async (service, chosen) => {
    const progress = createProgress(context.progressTerminal, ACTIONS[action].verb);
    progress.show(0, chosen.length);
    try {
      for (const { id } of chosen) {
        if (signal.aborted) return;
        done.push(await service.runAction(id, action));
        progress.show(done.length, chosen.length);
      }
    } finally {
      progress.end();
    }
  });
  const failureOf = await readFailures(done, context);
  printResult(context, { data: done }, () => resultTable(done, failureOf));
  if (signal.aborted) {
    throw new InterruptedError(`Stopped with ${unrevoked.length - done.length} connections left.`, 'Run it again.');
  }
  requireHealthy(done, failureOf);
}

type FailureOf = (view: ConnectionResponse) => string;

/** Reads failures from the database for connections that embed only some of their credentials. */
async function readFailures(views: readonly ConnectionResponse[], context: CommandContext): Promise<FailureOf> {
  const ids = views.filter((view) => view.credentials.length < view.credentials_count).map(({ id }) => id);
  const failures =
    ids.length === 0
      ? []
      : await withApplicationContext(context, loadCommandConfig(context.environment), (app) =>
          app.get(ConnectionRepository).findFailures(ids),
        );
  return ({ id, credentials }) => {
    const embedded = credentials.flatMap(({ failure }) => (failure === null ? [] : [failure.code]));
    const all = failures.filter((failure) => failure.connection_id === id).map(({ code }) => code);
    return [...new Set([...embedded, ...all])].join(', ');
  };
}

function resultTable(views: readonly ConnectionResponse[], failureOf: FailureOf): string {
  const rows = views.map((view) => [
    view.id,
    view.tenant,
    view.status,
    view.credentials[0]?.expires_at ?? '',
    view.status_reason?.code ?? failureOf(view),
  ]);
  return formatTable([['ID', 'TENANT', 'STATUS', 'EXPIRES', 'REASON'], ...rows]);
}
