import type { Command } from 'commander';
import type { Stores } from '../../bootstrap/core-services.ts';
import type { Config } from '../../config/config.ts';
import { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import { CredentialWriter } from '../../connections/credentials/credential-writer.ts';
import { RevokeConnection } from '../../connections/revocation/connection-revoker.ts';
import { Outbox } from '../../events/outbox/outbox.ts';
import { type CommandContext, commandConfig, hasMetaApp, table, withStores } from '../command-context.ts';
import { Interrupted } from '../command-error.ts';
import { explainProblems, OPERATOR } from '../operator.ts';
import { withOwnReplica } from '../service/local-replica.ts';
import { stoppable } from '../terminal/run-interruptible.ts';
import { confirm, progressBar } from '../terminal/terminal.ts';
import { chooseConnections, type Selection, selecting } from './connection-selection.ts';
import { connectionTable } from './connection-tables.ts';

interface RevokeOptions extends Selection {
  dryRun?: true;
  yes?: true;
  json?: true;
}

interface Ended {
  id: string;
  status: 'revoked';
  leases_revoked: number;
  provider_revocation: string | null;
}

/** `metavault revoke` and `metavault connections revoke`: the end of connections, one by one or in bulk. */
export function addRevokeCommand(parent: Command, context: CommandContext): void {
  const about = 'end connections for good: by id, or all of a tenant, a product or an app';
  selecting(parent.command('revoke [ids...]').description(about))
    .option('--dry-run', 'only list what would be revoked')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action((ids: string[], options: RevokeOptions) => revoke(ids, options, context));
}

async function revoke(ids: readonly string[], options: RevokeOptions, context: CommandContext): Promise<void> {
  const config = commandConfig(context.environment);
  const asJson = options.json === true;
  const { living, done } = await withStores(config, (stores) =>
    explainProblems(async () => {
      const choose = () => chooseLiving(stores, ids, options);
      const living = await choose();
      if (options.dryRun === true || living.length === 0) return { living, done: null };
      await confirm(`${counted(living.length)} will be revoked for good.`, options.yes === true);
      // Named ones are those; of a tenant, a product or an app also those that connect meanwhile.
      const chooseMore = ids.length > 0 ? null : choose;
      return { living, done: await stoppable((signal) => endAll(stores, living, chooseMore, signal)) };
    }),
  );
  if (done === null) {
    return context.print(asJson ? JSON.stringify({ data: living }, null, 2) : connectionTable(living));
  }
  const { ended, left } = done;
  // Here they are ended; whatever goes wrong with telling Meta is for the replicas to try again.
  const told = left > 0 || !hasMetaApp(config) ? ended : await tellMeta(config, ended);
  context.print(asJson ? JSON.stringify({ data: told }, null, 2) : endedTable(told));
  if (left > 0) throw new Interrupted(`Stopped: ${counted(left)} left. Run it again to end them.`);
}

async function chooseLiving(
  { database }: Stores,
  ids: readonly string[],
  selection: Selection,
): Promise<ConnectionView[]> {
  const chosen = await chooseConnections(new ConnectionReader(database), ids, selection);
  return chosen.filter(({ status }) => status !== 'revoked');
}

/** Ends these, and what `chooseMore` finds after them, until it finds none. `left`: those that a stop left. */
async function endAll(
  stores: Stores,
  first: readonly ConnectionView[],
  chooseMore: (() => Promise<ConnectionView[]>) | null,
  signal: AbortSignal,
): Promise<{ ended: Ended[]; left: number }> {
  const ended: Ended[] = [];
  for (let living = first; living.length > 0; living = (await chooseMore?.()) ?? []) {
    const some = await endEach(stores, living, signal);
    ended.push(...some);
    if (signal.aborted) return { ended, left: living.length - some.length };
  }
  return { ended, left: 0 };
}

/** Ends them here, one transaction each: a kill leaves each one either as it was or ended for good. */
async function endEach(stores: Stores, living: readonly ConnectionView[], signal: AbortSignal): Promise<Ended[]> {
  const { database, vault, keyRing, ids, random, audit, clock } = stores;
  const writer = new CredentialWriter(vault, keyRing, ids, random);
  const service = new RevokeConnection(database, writer, audit, new Outbox(clock, ids), clock);
  const bar = progressBar('revoking');
  const ended: Ended[] = [];
  try {
    for (const { id } of living) {
      if (signal.aborted) break;
      const revoked = await service.revoke(id, { actor: OPERATOR, requestId: null, reason: 'operator' });
      const { leasesRevoked = 0, providerRevocation = null } = revoked ?? {};
      ended.push({ id, status: 'revoked', leases_revoked: leasesRevoked, provider_revocation: providerRevocation });
      bar.show(ended.length, living.length);
    }
  } finally {
    bar.end();
  }
  return ended;
}

/** Tells Meta of them at once, and how they stand then. What Meta does not confirm now, the replicas go on with. */
async function tellMeta(config: Config, ended: readonly Ended[]): Promise<Ended[]> {
  if (!ended.some((each) => each.provider_revocation === 'pending')) return [...ended];
  await stoppable((signal) => withOwnReplica(config, signal, (own) => own.tellMetaOfRevocations()));
  return withStores(config, async ({ database }) => {
    const reader = new ConnectionReader(database);
    const standing = async (each: Ended): Promise<Ended> => ({
      ...each,
      provider_revocation: (await reader.findAcrossTenants(each.id))?.provider_revocation ?? each.provider_revocation,
    });
    const told: Ended[] = [];
    for (const each of ended) told.push(await standing(each));
    return told;
  });
}

function endedTable(ended: readonly Ended[]): string {
  const rows = ended.map((each) => [each.id, String(each.leases_revoked), each.provider_revocation ?? '']);
  const pending = ended.filter((each) => each.provider_revocation === 'pending').length;
  const note =
    pending === 0 ? [] : [`Of ${counted(pending)} Meta has still to be told: the replicas try until it confirms.`];
  return [table([['ID', 'LEASES ENDED', 'AT META'], ...rows]), ...note].join('\n');
}

function counted(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`;
}
