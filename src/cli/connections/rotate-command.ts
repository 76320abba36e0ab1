import type { Command } from 'commander';
import type { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { credentialKindRules } from '../../connections/credentials/credential-kind-rules.ts';
import { type CommandContext, formatTable } from '../command-context.ts';
import { IncompleteError, InterruptedError, UsageError } from '../command-error.ts';
import { addServiceOptions, type ServiceOptions, withVaultServiceFor } from '../service/with-vault-service.ts';
import { runInterruptible } from '../terminal/run-interruptible.ts';
import { createProgressBar } from '../terminal/terminal.ts';
import { addSelectionOptions, chooseConnections, type Selection } from './connection-selection.ts';
import { formatConnections } from './connection-tables.ts';

interface RotateOptions extends ServiceOptions, Selection {
  connection?: string[];
  expires?: string;
  dryRun?: true;
  json?: true;
}

const ABOUT =
  'replace tokens of system users by fresh ones and revoke the old ones at Meta: by id, or all of a tenant, a product or an app';

/** `metavault rotate`. */
export function addRotateCommand(program: Command, context: CommandContext): void {
  addServiceOptions(addSelectionOptions(program.command('rotate [ids...]').description(ABOUT)))
    .option('--connection <ids...>', 'these connections, as if given without the option')
    .option('--expires <yes|no>', 'whether the new tokens end after 60 days (default: as the old ones)')
    .option('--dry-run', 'only list what would be rotated')
    .option('--json', 'as JSON')
    .action((ids: string[], options: RotateOptions) =>
      runInterruptible((signal) => rotate([...ids, ...(options.connection ?? [])], options, signal, context)),
    );
}

async function rotate(
  ids: readonly string[],
  options: RotateOptions,
  signal: AbortSignal,
  context: CommandContext,
): Promise<void> {
  const expires = readExpires(options.expires);
  const asJson = options.json === true;
  const isDryRun = options.dryRun === true;
  const done: ConnectionResponse[] = [];
  const choose = (connections: ConnectionRepository): Promise<ConnectionResponse[]> =>
    chooseRotatable(connections, ids, options);
  const chosen = await withVaultServiceFor(context, options, signal, choose, async (service, rotatable) => {
    if (isDryRun) return;
    const bar = createProgressBar('rotating');
    try {
      for (const { id } of rotatable) {
        if (signal.aborted) return;
        done.push(await service.rotate(id, expires));
        bar.show(done.length, rotatable.length);
      }
    } finally {
      bar.end();
    }
  });
  if (isDryRun) return context.print(asJson ? JSON.stringify({ data: chosen }, null, 2) : formatConnections(chosen));
  context.print(asJson ? JSON.stringify({ data: done }, null, 2) : formatRotations(done));
  if (signal.aborted) throw new InterruptedError(`Stopped: ${chosen.length - done.length} connections are left.`);
  const failing = done.filter((view) => view.status !== 'active' || failureOf(view) !== '').length;
  if (failing > 0) throw new IncompleteError(`${failing} of ${done.length} connections are not in order.`);
}

/** Of a tenant, a product or an app those that can be rotated; named ones as they are, so that the service says why one can't. */
async function chooseRotatable(
  connections: ConnectionRepository,
  ids: readonly string[],
  selection: Selection,
): Promise<ConnectionResponse[]> {
  const chosen = await chooseConnections(connections, ids, selection);
  if (ids.length > 0) return chosen;
  return chosen.filter(({ status, credentials: [root] }) => {
    return status === 'active' && root !== undefined && credentialKindRules(root.kind).isRotatable;
  });
}

function readExpires(given: string | undefined): boolean | null {
  if (given === undefined) return null;
  if (given !== 'yes' && given !== 'no') throw new UsageError('--expires must be yes or no.');
  return given === 'yes';
}

function formatRotations(done: readonly ConnectionResponse[]): string {
  const rows = done.map((view) => [
    view.id,
    view.tenant,
    view.status,
    String(view.credentials[0]?.version ?? ''),
    view.credentials[0]?.expires_at ?? 'never',
    view.status_reason?.code ?? failureOf(view),
  ]);
  return formatTable([['ID', 'TENANT', 'STATUS', 'VERSION', 'EXPIRES', 'REASON'], ...rows]);
}

function failureOf({ credentials }: ConnectionResponse): string {
  return credentials[0]?.failure?.code ?? '';
}
