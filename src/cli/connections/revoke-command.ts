import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { ConnectionRevoker } from '../../connections/revocation/connection-revoker.ts';
import { ProviderRevocationService } from '../../lifecycle/provider-revocation.service.ts';
import {
  type CommandContext,
  formatTable,
  hasMetaApp,
  loadCommandConfig,
  withApplicationContext,
} from '../command-context.ts';
import { InterruptedError } from '../command-error.ts';
import { OPERATOR } from '../operator.ts';
import { runInterruptible } from '../terminal/run-interruptible.ts';
import { confirm, createProgressBar } from '../terminal/terminal.ts';
import { addSelectionOptions, chooseConnections, type Selection } from './connection-selection.ts';
import { formatConnections } from './connection-tables.ts';

interface RevokeOptions extends Selection {
  dryRun?: true;
  yes?: true;
  json?: true;
}

interface RevocationResult {
  id: ConnectionId;
  status: 'revoked';
  leases_revoked: number;
  provider_revocation: string | null;
}

/** `metavault revoke` and `metavault connections revoke`: revoke connections, one by one or in bulk. */
export function addRevokeCommand(parent: Command, context: CommandContext): void {
  const about = 'end connections for good: by id, or all of a tenant, a product or an app';
  addSelectionOptions(parent.command('revoke [ids...]').description(about))
    .option('--dry-run', 'only list what would be revoked')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((ids: string[], options: RevokeOptions) => revoke(ids, options, context));
}

async function revoke(ids: readonly string[], options: RevokeOptions, context: CommandContext): Promise<void> {
  const config = loadCommandConfig(context.environment);
  const asJson = options.json === true;
  const { unrevoked, done } = await withApplicationContext(config, async (app) => {
    const choose = () => chooseUnrevoked(app.get(ConnectionRepository), ids, options);
    const unrevoked = await choose();
    if (options.dryRun === true || unrevoked.length === 0) return { unrevoked, done: null };
    await confirm(`${formatCount(unrevoked.length)} will be revoked for good.`, options.yes === true);
    // Named ones are those; of a tenant, a product or an app also those that connect meanwhile.
    const chooseMore = ids.length > 0 ? null : choose;
    const revoker = app.get(ConnectionRevoker);
    const { ended, left } = await runInterruptible((signal) => revokeAll(revoker, unrevoked, chooseMore, signal));
    // The connections have ended by now; if reporting to Meta fails, the replicas try again.
    return { unrevoked, done: { ended: left > 0 || !hasMetaApp(config) ? ended : await notifyMeta(app, ended), left } };
  });
  if (done === null) {
    return context.print(asJson ? JSON.stringify({ data: unrevoked }, null, 2) : formatConnections(unrevoked));
  }
  const { ended, left } = done;
  context.print(asJson ? JSON.stringify({ data: ended }, null, 2) : formatRevocations(ended));
  if (left > 0) throw new InterruptedError(`Stopped: ${formatCount(left)} left. Run it again to end them.`);
}

async function chooseUnrevoked(
  connections: ConnectionRepository,
  ids: readonly string[],
  selection: Selection,
): Promise<ConnectionResponse[]> {
  const chosen = await chooseConnections(connections, ids, selection);
  return chosen.filter(({ status }) => status !== 'revoked');
}

/** Revokes these, and what `chooseMore` finds after them, until it finds none. `left`: those that a stop left. */
async function revokeAll(
  revoker: ConnectionRevoker,
  first: readonly ConnectionResponse[],
  chooseMore: (() => Promise<ConnectionResponse[]>) | null,
  signal: AbortSignal,
): Promise<{ ended: RevocationResult[]; left: number }> {
  const ended: RevocationResult[] = [];
  for (let unrevoked = first; unrevoked.length > 0; unrevoked = (await chooseMore?.()) ?? []) {
    const some = await revokeEach(revoker, unrevoked, signal);
    ended.push(...some);
    if (signal.aborted) return { ended, left: unrevoked.length - some.length };
  }
  return { ended, left: 0 };
}

/** Revokes them here, one transaction each: a kill leaves each one either as it was or ended for good. */
async function revokeEach(
  revoker: ConnectionRevoker,
  unrevoked: readonly ConnectionResponse[],
  signal: AbortSignal,
): Promise<RevocationResult[]> {
  const bar = createProgressBar('revoking');
  const ended: RevocationResult[] = [];
  try {
    for (const { id } of unrevoked) {
      if (signal.aborted) break;
      const revoked = await revoker.revoke(id, { actor: OPERATOR, requestId: null, reason: 'operator' });
      const { leasesRevoked = 0, providerRevocation = null } = revoked ?? {};
      ended.push({ id, status: 'revoked', leases_revoked: leasesRevoked, provider_revocation: providerRevocation });
      bar.show(ended.length, unrevoked.length);
    }
  } finally {
    bar.end();
  }
  return ended;
}

/** Revokes them at Meta now; returns their state after that. The replicas retry what Meta does not confirm. */
async function notifyMeta(
  app: INestApplicationContext,
  ended: readonly RevocationResult[],
): Promise<RevocationResult[]> {
  if (!ended.some((each) => each.provider_revocation === 'pending')) return [...ended];
  await runInterruptible((signal) => app.get(ProviderRevocationService).processDue(() => signal.aborted));
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
    pending === 0 ? [] : [`Of ${formatCount(pending)} Meta has still to be told: the replicas try until it confirms.`];
  return [formatTable([['ID', 'LEASES ENDED', 'AT META'], ...rows]), ...note].join('\n');
}

function formatCount(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`;
}
