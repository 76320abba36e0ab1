import type { Command } from 'commander';
import type { CoreServices } from '../../bootstrap/core-services.ts';
import type { Config } from '../../config/config.ts';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { CredentialWriter } from '../../connections/credentials/credential-writer.ts';
import { ConnectionRevoker } from '../../connections/revocation/connection-revoker.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import {
  type CommandContext,
  formatTable,
  hasMetaApp,
  loadCommandConfig,
  withCoreServices,
} from '../command-context.ts';
import { InterruptedError } from '../command-error.ts';
import { explainProblems, OPERATOR } from '../operator.ts';
import { withLocalReplica } from '../service/local-replica.ts';
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
  id: string;
  status: 'revoked';
  leases_revoked: number;
  provider_revocation: string | null;
}

/** `metavault revoke` and `metavault connections revoke`: the end of connections, one by one or in bulk. */
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
  const { unrevoked, done } = await withCoreServices(config, (coreServices) =>
    explainProblems(async () => {
      const choose = () => chooseUnrevoked(coreServices, ids, options);
      const unrevoked = await choose();
      if (options.dryRun === true || unrevoked.length === 0) return { unrevoked, done: null };
      await confirm(`${formatCount(unrevoked.length)} will be revoked for good.`, options.yes === true);
      // Named ones are those; of a tenant, a product or an app also those that connect meanwhile.
      const chooseMore = ids.length > 0 ? null : choose;
      return {
        unrevoked,
        done: await runInterruptible((signal) => revokeAll(coreServices, unrevoked, chooseMore, signal)),
      };
    }),
  );
  if (done === null) {
    return context.print(asJson ? JSON.stringify({ data: unrevoked }, null, 2) : formatConnections(unrevoked));
  }
  const { ended, left } = done;
  // Here they are ended; whatever goes wrong with telling Meta is for the replicas to try again.
  const notified = left > 0 || !hasMetaApp(config) ? ended : await notifyMeta(config, ended);
  context.print(asJson ? JSON.stringify({ data: notified }, null, 2) : formatRevocations(notified));
  if (left > 0) throw new InterruptedError(`Stopped: ${formatCount(left)} left. Run it again to end them.`);
}

async function chooseUnrevoked(
  { database }: CoreServices,
  ids: readonly string[],
  selection: Selection,
): Promise<ConnectionResponse[]> {
  const chosen = await chooseConnections(new ConnectionRepository(database), ids, selection);
  return chosen.filter(({ status }) => status !== 'revoked');
}

/** Ends these, and what `chooseMore` finds after them, until it finds none. `left`: those that a stop left. */
async function revokeAll(
  coreServices: CoreServices,
  first: readonly ConnectionResponse[],
  chooseMore: (() => Promise<ConnectionResponse[]>) | null,
  signal: AbortSignal,
): Promise<{ ended: RevocationResult[]; left: number }> {
  const ended: RevocationResult[] = [];
  for (let unrevoked = first; unrevoked.length > 0; unrevoked = (await chooseMore?.()) ?? []) {
    const some = await revokeEach(coreServices, unrevoked, signal);
    ended.push(...some);
    if (signal.aborted) return { ended, left: unrevoked.length - some.length };
  }
  return { ended, left: 0 };
}

/** Ends them here, one transaction each: a kill leaves each one either as it was or ended for good. */
async function revokeEach(
  coreServices: CoreServices,
  unrevoked: readonly ConnectionResponse[],
  signal: AbortSignal,
): Promise<RevocationResult[]> {
  const { database, vault, keyRing, ids, random, audit, clock } = coreServices;
  const writer = new CredentialWriter(vault, keyRing, ids, random);
  const service = new ConnectionRevoker(database, writer, audit, new Outbox(clock, ids), clock);
  const bar = createProgressBar('revoking');
  const ended: RevocationResult[] = [];
  try {
    for (const { id } of unrevoked) {
      if (signal.aborted) break;
      const revoked = await service.revoke(id, { actor: OPERATOR, requestId: null, reason: 'operator' });
      const { leasesRevoked = 0, providerRevocation = null } = revoked ?? {};
      ended.push({ id, status: 'revoked', leases_revoked: leasesRevoked, provider_revocation: providerRevocation });
      bar.show(ended.length, unrevoked.length);
    }
  } finally {
    bar.end();
  }
  return ended;
}

/** Tells Meta of them at once, and how they stand then. What Meta does not confirm now, the replicas go on with. */
async function notifyMeta(config: Config, ended: readonly RevocationResult[]): Promise<RevocationResult[]> {
  if (!ended.some((each) => each.provider_revocation === 'pending')) return [...ended];
  await runInterruptible((signal) => withLocalReplica(config, signal, (own) => own.notifyMetaOfRevocations()));
  return withCoreServices(config, async ({ database }) => {
    const connectionRepository = new ConnectionRepository(database);
    const withCurrentStatus = async (each: RevocationResult): Promise<RevocationResult> => ({
      ...each,
      provider_revocation:
        (await connectionRepository.findAcrossTenants(each.id))?.provider_revocation ?? each.provider_revocation,
    });
    const notified: RevocationResult[] = [];
    for (const each of ended) notified.push(await withCurrentStatus(each));
    return notified;
  });
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
