import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { ConnectionRevoker } from '../../connections/revocation/connection-revoker.ts';
import { Database } from '../../database/database.ts';
import { ProviderRevocationService } from '../../lifecycle/provider-revocation.service.ts';
import {
  type CommandContext,
  formatTable,
  hasMetaApp,
  loadCommandConfig,
  printResult,
  withApplicationContext,
} from '../command-context.ts';
import { InterruptedError } from '../command-error.ts';
import { addExamples } from '../command-examples.ts';
import { endDurably } from '../end-durably.ts';
import { OPERATOR } from '../operator.ts';
import { createProgress } from '../terminal/progress.ts';
import { runInterruptible } from '../terminal/run-interruptible.ts';
import { confirm } from '../terminal/terminal.ts';
import { addSelectionOptions, chooseConnections, type Selection } from './connection-selection.ts';
import { formatConnections } from './connection-tables.ts';

interface RevokeOptions extends Selection {
  dryRun?: true;
  yes?: true;
}

interface RevocationResult {
  id: ConnectionId;
  status: 'revoked';
  leases_revoked: number;
  provider_revocation: string | null;
}

/** `metavault revoke`, also as `metavault connections revoke`; `name` is which. */
export function addRevokeCommand(
  parent: Command,
  name: 'revoke' | 'connections revoke',
  context: CommandContext,
): void {
  const description = "revoke connections, which can't be undone: by id, or all of a tenant, product or app";
  const command = addSelectionOptions(parent.command('revoke [ids...]').description(description))
    .option('--dry-run', 'only list what would be revoked')
    .option('--yes', "don't ask for confirmation")
    .action((ids: string[], options: RevokeOptions) => revoke(ids, options, context));
  addExamples(
    command,
    [`metavault ${name} --tenant acme --dry-run`, 'list what would be revoked'],
    [`metavault ${name} con_01K0000000000000000000000A --yes`, 'revoke one connection, here and at Meta'],
  );
}

async function revoke(ids: readonly string[], options: RevokeOptions, context: CommandContext): Promise<void> {
  const config = loadCommandConfig(context.environment);
  const { unrevoked, done } = await withApplicationContext(context, config, async (app) => {
    const choose = () => chooseUnrevoked(app.get(ConnectionRepository), ids, options);
    const unrevoked = await choose();
    if (options.dryRun === true || unrevoked.length === 0) return { unrevoked, done: null };
    await confirm(
      context,
      `${formatCount(unrevoked.length)} will be revoked. This can't be undone.`,
      options.yes === true,
    );
    // A tenant, product or app includes connections created in the meantime; ids don't.
    const chooseMore = ids.length > 0 ? null : choose;
    const revoker = app.get(ConnectionRevoker);
    const { ended, left } = await runInterruptible(context, (signal) =>
      endDurably(app.get(Database), context, () => revokeAll(revoker, unrevoked, chooseMore, { signal, context })),
    );
    // The connections are revoked here by now; replicas retry what Meta does not confirm.
    const isNotified = left === 0 && hasMetaApp(config);
    return { unrevoked, done: { ended: isNotified ? await notifyMeta(app, ended, context) : ended, left } };
  });
  if (done === null) return printResult(context, { data: unrevoked }, () => formatConnections(unrevoked));
  const { ended, left } = done;
  printResult(context, { data: ended }, () => formatRevocations(ended));
  if (left > 0) throw new InterruptedError(`Stopped with ${formatCount(left)} left.`, 'Run it again to revoke them.');
}

async function chooseUnrevoked(
  connections: ConnectionRepository,
  ids: readonly string[],
  selection: Selection,
): Promise<ConnectionResponse[]> {
  const chosen = await chooseConnections(connections, ids, selection);
  return chosen.filter(({ status }) => status !== 'revoked');
}

interface Run {
  signal: AbortSignal;
  context: CommandContext;
}

/** Revokes `first`, then what `chooseMore` finds, until it finds none. Returns how many an interruption left. */
async function revokeAll(
  revoker: ConnectionRevoker,
  first: readonly ConnectionResponse[],
  chooseMore: (() => Promise<ConnectionResponse[]>) | null,
  run: Run,
): Promise<{ ended: RevocationResult[]; left: number }> {
  const ended: RevocationResult[] = [];
  for (let unrevoked = first; unrevoked.length > 0; unrevoked = (await chooseMore?.()) ?? []) {
    const some = await revokeEach(revoker, unrevoked, run);
    ended.push(...some);
    if (run.signal.aborted) return { ended, left: unrevoked.length - some.length };
  }
  return { ended, left: 0 };
}

/** Revokes connections here, one transaction each, so a kill leaves each one either untouched or revoked. */
async function revokeEach(
  revoker: ConnectionRevoker,
  unrevoked: readonly ConnectionResponse[],
  { signal, context }: Run,
): Promise<RevocationResult[]> {
  const progress = createProgress(context.progressTerminal, 'Revoking');
  progress.show(0, unrevoked.length);
  const ended: RevocationResult[] = [];
  try {
    for (const { id } of unrevoked) {
      if (signal.aborted) break;
      const revoked = await revoker.revoke(id, { actor: OPERATOR, requestId: null, reason: 'operator' });
      const { leasesRevoked = 0, providerRevocation = null } = revoked ?? {};
      ended.push({ id, status: 'revoked', leases_revoked: leasesRevoked, provider_revocation: providerRevocation });
      progress.show(ended.length, unrevoked.length);
    }
  } finally {
    progress.end();
  }
  return ended;
}

/** Revokes grants at Meta. Returns the new states; replicas retry what Meta does not confirm. */
async function notifyMeta(
  app: INestApplicationContext,
  ended: readonly RevocationResult[],
  context: CommandContext,
): Promise<RevocationResult[]> {
  if (!ended.some((each) => each.provider_revocation === 'pending')) return [...ended];
  await runInterruptible(context, (signal) => app.get(ProviderRevocationService).processDue(() => signal.aborted));
  const connections = app.get(ConnectionRepository);
  const notified: RevocationResult[] = [];
  for (const each of ended) {
    const current = await connections.findAcrossTenants(each.id);
    notified.push({ ...each, provider_revocation: current?.provider_revocation ?? each.provider_revocation });
  }
  return notified;
}

function formatRevocations(ended: readonly RevocationResult[]): string {
  const rows = ended.map((each) => [each.id, String(each.leases_revoked), each.provider_revocation ?? '']);
  const pending = ended.filter((each) => each.provider_revocation === 'pending').length;
  const note =
    pending === 0 ? [] : [`Meta has not confirmed ${formatCount(pending)} yet; replicas retry until it does.`];
  return [formatTable([['ID', 'LEASES ENDED', 'AT META'], ...rows]), ...note].join('\n');
}

function formatCount(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`;
}
