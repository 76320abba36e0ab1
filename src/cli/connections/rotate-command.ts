import { type Command, Option } from 'commander';
import type { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { credentialKindRules } from '../../connections/credentials/credential-kind-rules.ts';
import { type CommandContext, formatTable, printResult } from '../command-context.ts';
import { InterruptedError } from '../command-error.ts';
import { addExamples } from '../command-examples.ts';
import { addServiceOptions, type ServiceOptions, withVaultServiceFor } from '../service/with-vault-service.ts';
import { createProgress } from '../terminal/progress.ts';
import { runInterruptible } from '../terminal/run-interruptible.ts';
import { addSelectionOptions, chooseConnections, requireHealthy, type Selection } from './connection-selection.ts';
import { formatConnections } from './connection-tables.ts';

interface RotateOptions extends ServiceOptions, Selection {
  connection?: string[];
  expires?: 'yes' | 'no';
  dryRun?: true;
}

const DESCRIPTION =
  'replace the tokens of system users and revoke the old ones at Meta: by id, or all of a tenant, product or app';

/** `metavault rotate`. */
export function addRotateCommand(program: Command, context: CommandContext): void {
  const command = addServiceOptions(addSelectionOptions(program.command('rotate [ids...]').description(DESCRIPTION)))
    .option('--connection <ids...>', 'these connections, as if given without the option')
    .addOption(
      new Option('--expires <yes|no>', 'whether new tokens expire after 60 days (default: as the old ones)').choices([
        'yes',
        'no',
      ]),
    )
    .option('--dry-run', 'only list what would be rotated')
    .action((ids: string[], options: RotateOptions) =>
      runInterruptible(context, (signal) => rotate([...ids, ...(options.connection ?? [])], options, signal, context)),
    );
  addExamples(
    command,
    ['metavault rotate --tenant acme --dry-run', 'list what would be rotated'],
    ['metavault rotate con_01K0000000000000000000000A --expires yes', 'rotate a token to one that expires'],
  );
}

async function rotate(
  ids: readonly string[],
  options: RotateOptions,
  signal: AbortSignal,
  context: CommandContext,
): Promise<void> {
  const expires = options.expires === undefined ? null : options.expires === 'yes';
  const isDryRun = options.dryRun === true;
  const done: ConnectionResponse[] = [];
  const choose = (connections: ConnectionRepository): Promise<ConnectionResponse[]> =>
    chooseRotatable(connections, ids, options);
  const chosen = await withVaultServiceFor(context, options, signal, choose, async (service, rotatable) => {
    if (isDryRun) return;
    const progress = createProgress(context.progressTerminal, 'Rotating');
    progress.show(0, rotatable.length);
    try {
      for (const { id } of rotatable) {
        if (signal.aborted) return;
        done.push(await service.rotate(id, expires));
        progress.show(done.length, rotatable.length);
      }
    } finally {
      progress.end();
    }
  });
  if (isDryRun) return printResult(context, { data: chosen }, () => formatConnections(chosen));
  printResult(context, { data: done }, () => formatRotations(done));
  if (signal.aborted) {
    throw new InterruptedError(`Stopped with ${chosen.length - done.length} connections left.`, 'Run it again.');
  }
  requireHealthy(done, failureOf);
}

/**
 * Returns those connections of a tenant, product or app that can be rotated. Ids are not filtered, so that the service
 * says why one can't be rotated.
 */
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
