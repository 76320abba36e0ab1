import type { Command } from 'commander';
import type { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { type CommandContext, formatTable } from '../command-context.ts';
import { IncompleteError, InterruptedError } from '../command-error.ts';
import {
  addServiceOptions,
  type ServiceOptions,
  withVaultService,
  withVaultServiceFor,
} from '../service/with-vault-service.ts';
import { runInterruptible } from '../terminal/run-interruptible.ts';
import { createProgressBar } from '../terminal/terminal.ts';
import { addSelectionOptions, chooseConnections, type Selection } from './connection-selection.ts';

type ConnectionAction = 'refresh' | 'check';

interface SweepOptions extends ServiceOptions {
  json?: true;
}

interface WorkOptions extends SweepOptions, Selection {}

const DESCRIPTIONS: Readonly<Record<ConnectionAction, string>> = {
  refresh: 'refresh the tokens of connections now, due or not: by id, or all of a tenant, a product or an app',
  check: 'inspect the tokens of connections now: by id, or all of a tenant, a product or an app',
};
const VERB: Readonly<Record<ConnectionAction, string>> = { refresh: 'refreshing', check: 'checking' };

const addOptions = (command: Command): Command => addServiceOptions(command).option('--json', 'as JSON');

/** `metavault refresh`: refreshes everything that is due, as REFRESH_CRON does. */
export function addRefreshCommand(program: Command, context: CommandContext): void {
  addOptions(
    program.command('refresh').description('refresh everything that is due, as replicas do by REFRESH_CRON'),
  ).action((options: SweepOptions) => runInterruptible((signal) => sweep(options, signal, context)));
}

/** `metavault connections refresh|check`. */
export function addConnectionActionCommand(
  connections: Command,
  action: ConnectionAction,
  context: CommandContext,
): void {
  addOptions(addSelectionOptions(connections.command(`${action} [ids...]`).description(DESCRIPTIONS[action]))).action(
    (ids: string[], options: WorkOptions) =>
      runInterruptible((signal) => runOnEach(action, ids, options, signal, context)),
  );
}

async function sweep(options: SweepOptions, signal: AbortSignal, context: CommandContext): Promise<void> {
  const result = await withVaultService(context, options, signal, (service) => service.sweep());
  const { claimed, refreshed, failed, skipped, duration_seconds: seconds } = result;
  context.print(
    options.json === true
      ? JSON.stringify(result)
      : `${claimed} were due: ${refreshed} refreshed, ${failed} failed, ${skipped} skipped, in ${seconds} s.`,
  );
  if (signal.aborted) throw new InterruptedError('Stopped: what is left is still due.');
  if (failed > 0) {
    throw new IncompleteError(
      `${failed} failed: metavault connections show says why. They are tried again by themselves.`,
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
    const bar = createProgressBar(VERB[action]);
    try {
      for (const { id } of chosen) {
        if (signal.aborted) return;
        done.push(await service.runAction(id, action));
        bar.show(done.length, chosen.length);
      }
    } finally {
      bar.end();
    }
  });
  context.print(options.json === true ? JSON.stringify({ data: done }, null, 2) : resultTable(done));
  if (signal.aborted) throw new InterruptedError(`Stopped: ${unrevoked.length - done.length} connections are left.`);
  const failing = done.filter((view) => view.status !== 'active' || failureOf(view) !== '').length;
  if (failing > 0) throw new IncompleteError(`${failing} of ${done.length} connections are not in order.`);
}

function resultTable(views: readonly ConnectionResponse[]): string {
  const rows = views.map((view) => [
    view.id,
    view.tenant,
    view.status,
    view.credentials[0]?.expires_at ?? '',
    view.status_reason?.code ?? failureOf(view),
  ]);
  return formatTable([['ID', 'TENANT', 'STATUS', 'EXPIRES', 'REASON'], ...rows]);
}

function failureOf({ credentials }: ConnectionResponse): string {
  return [...new Set(credentials.flatMap(({ failure }) => (failure === null ? [] : [failure.code])))].join(', ');
}
