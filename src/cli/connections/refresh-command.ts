import type { Command } from 'commander';
import { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import { type CommandContext, commandConfig, table, withStores } from '../command-context.ts';
import { Interrupted, Unfinished } from '../command-error.ts';
import { type ServiceOptions, withVaultService } from '../service/with-vault-service.ts';
import { stoppable } from '../terminal/run-interruptible.ts';
import { progressBar } from '../terminal/terminal.ts';
import { chooseConnections, type Selection, selecting } from './connection-selection.ts';

type Work = 'refresh' | 'check';

interface SweepOptions extends ServiceOptions {
  json?: true;
}

interface WorkOptions extends SweepOptions, Selection {}

const ABOUT: Readonly<Record<Work, string>> = {
  refresh: 'renew the tokens of connections now, whatever is due: by id, or all of a tenant, a product or an app',
  check: 'inspect the tokens of connections now: by id, or all of a tenant, a product or an app',
};
const VERB: Readonly<Record<Work, string>> = { refresh: 'refreshing', check: 'checking' };

const remote = (command: Command): Command =>
  command
    .option('--url <url>', 'through this running service, not by itself on the database')
    .option('--key-file <file>', 'a file with an admin key for it (default BOOTSTRAP_ADMIN_KEY)')
    .option('--json', 'as JSON');

/** `metavault refresh`: renews everything that is due, as REFRESH_CRON does. */
export function addRefreshCommand(program: Command, context: CommandContext): void {
  remote(
    program.command('refresh').description('renew everything that is due, as the replicas do at REFRESH_CRON'),
  ).action((options: SweepOptions) => stoppable((signal) => sweep(options, signal, context)));
}

/** `metavault connections refresh|check`. */
export function addConnectionWork(connections: Command, work: Work, context: CommandContext): void {
  remote(selecting(connections.command(`${work} [ids...]`).description(ABOUT[work]))).action(
    (ids: string[], options: WorkOptions) => stoppable((signal) => workOnEach(work, ids, options, signal, context)),
  );
}

async function sweep(options: SweepOptions, signal: AbortSignal, context: CommandContext): Promise<void> {
  const answer = await withVaultService(context, options, signal, (service) => service.sweep());
  const { claimed, refreshed, failed, skipped, duration_seconds: seconds } = answer;
  context.print(
    options.json === true
      ? JSON.stringify(answer)
      : `${claimed} were due: ${refreshed} refreshed, ${failed} failed, ${skipped} skipped, in ${seconds} s.`,
  );
  if (signal.aborted) throw new Interrupted('Stopped: what is left is still due.');
  if (failed > 0) {
    throw new Unfinished(`${failed} failed: metavault connections show tells why. They are tried again by themselves.`);
  }
}

async function workOnEach(
  work: Work,
  ids: readonly string[],
  options: WorkOptions,
  signal: AbortSignal,
  context: CommandContext,
): Promise<void> {
  const chosen = await withStores(commandConfig(context.environment), ({ database }) =>
    chooseConnections(new ConnectionReader(database), ids, options),
  );
  const living = chosen.filter(({ status }) => status !== 'revoked');
  const done: ConnectionView[] = [];
  if (living.length > 0) {
    await withVaultService(context, options, signal, async (service) => {
      const bar = progressBar(VERB[work]);
      try {
        for (const { id } of living) {
          if (signal.aborted) return;
          done.push(await service.workOn(id, work));
          bar.show(done.length, living.length);
        }
      } finally {
        bar.end();
      }
    });
  }
  context.print(options.json === true ? JSON.stringify({ data: done }, null, 2) : resultTable(done));
  if (signal.aborted) throw new Interrupted(`Stopped: ${living.length - done.length} connections are left.`);
  const amiss = done.filter((view) => view.status !== 'active' || failureOf(view) !== '').length;
  if (amiss > 0) throw new Unfinished(`${amiss} of ${done.length} connections are not in order.`);
}

function resultTable(views: readonly ConnectionView[]): string {
  const rows = views.map((view) => [
    view.id,
    view.tenant,
    view.status,
    view.credentials[0]?.expires_at ?? '',
    view.status_reason?.code ?? failureOf(view),
  ]);
  return table([['ID', 'TENANT', 'STATUS', 'EXPIRES', 'REASON'], ...rows]);
}

function failureOf({ credentials }: ConnectionView): string {
  return [...new Set(credentials.flatMap(({ failure }) => (failure === null ? [] : [failure.code])))].join(', ');
}
