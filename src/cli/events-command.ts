import type { Command } from 'commander';
import type { Stores } from '../bootstrap/core-services.ts';
import {
  DELIVERY_STATUSES,
  type DeliveryRow,
  type DeliveryStatus,
  DeliveryStore,
} from '../events/deliveries/delivery.repository.ts';
import { EventBacklog } from '../events/deliveries/event-backlog.query.ts';
import { type Requester, SubscriptionStore } from '../events/subscriptions/subscription.repository.ts';
import { SubscriptionSecrets } from '../events/subscriptions/subscription-secret.repository.ts';
import { type CommandContext, commandConfig, table, withStores } from './command-context.ts';
import { UsageFailure } from './command-error.ts';
import { explainProblems, OPERATOR } from './operator.ts';

const BY: Requester = { actor: OPERATOR, requestId: null, scope: { tenants: null, products: null } };
const PAGE = 200;

interface EventRooms {
  subscriptions: SubscriptionStore;
  deliveries: DeliveryStore;
  backlog: EventBacklog;
}

/** `metavault events`: how events get to product services, and dead letters once more. Replicas do the sending. */
export function addEventsCommand(program: Command, context: CommandContext): void {
  const events = program.command('events').description('subscriptions, their deliveries, and replaying them');
  const onRooms = (work: (rooms: EventRooms) => Promise<void>): Promise<void> =>
    withStores(commandConfig(context.environment), (stores) => explainProblems(() => work(roomsOn(stores))));
  events
    .command('list')
    .description('the subscriptions, and what waits for all of them')
    .action(() => onRooms((rooms) => list(rooms, context)));
  events
    .command('deliveries <subscription>')
    .description('the newest deliveries of a subscription')
    .option('--status <status>', DELIVERY_STATUSES.join(', '), 'dead')
    .option('--limit <number>', 'how many at the most', '50')
    .action((subscription: string, { status, limit }: { status: string; limit: string }) =>
      onRooms(async ({ deliveries }) => {
        const filter = { status: toStatus(status), limit: toLimit(limit), before: null };
        const rows = await deliveries.list(subscription, BY.scope, filter);
        context.print(table([HEAD, ...rows.slice(0, filter.limit).map(toLine)]));
      }),
    );
  events
    .command('replay')
    .description('make deliveries once more: by their ids, or the dead letters of a subscription by time')
    .argument('[deliveries...]', 'ids of deliveries')
    .option('--subscription <id>')
    .option('--from <instant>', 'deliveries made from then on, as 2026-01-31T09:30:00Z')
    .option('--to <instant>', 'and before then (default: now)')
    .option('--delivered', 'also those that were taken')
    .action((ids: string[], options: ReplayOptions) =>
      onRooms((rooms) => (ids.length > 0 ? replayEach(rooms, ids, context) : replayRange(rooms, options, context))),
    );
}

interface ReplayOptions {
  subscription?: string;
  from?: string;
  to?: string;
  delivered?: true;
}

function roomsOn({ database, clock, ids, random, vault, audit }: Stores): EventRooms {
  const secrets = new SubscriptionSecrets(vault, clock, random);
  const subscriptions = new SubscriptionStore(database, secrets, audit, clock, ids);
  return {
    subscriptions,
    deliveries: new DeliveryStore(database, subscriptions, audit, clock),
    backlog: new EventBacklog(database, clock),
  };
}

async function list({ subscriptions, backlog }: EventRooms, { print }: CommandContext): Promise<void> {
  const lines: string[][] = [];
  for (let after: string | null = null; ; ) {
    const rows = await subscriptions.list(BY.scope, PAGE, after);
    for (const row of rows.slice(0, PAGE)) {
      lines.push([
        row.id,
        row.status,
        row.failing_since?.toISOString() ?? '',
        new URL(row.url).host,
        row.events.join(','),
      ]);
    }
    if (rows.length <= PAGE) break;
    after = rows[PAGE - 1]?.id ?? null;
  }
  print(table([['ID', 'STATUS', 'FAILING SINCE', 'HOST', 'EVENTS'], ...lines]));
  const { undispatched, pending, dead } = await backlog.count();
  print(`events to dispatch: ${undispatched}, deliveries that wait: ${pending}, dead letters: ${dead}`);
}

const HEAD = ['ID', 'EVENT', 'TYPE', 'STATUS', 'ATTEMPTS', 'LAST', 'MADE'];

function toLine(row: DeliveryRow): string[] {
  const last = row.last_error ?? String(row.last_status ?? '');
  return [row.id, row.event_id, row.type, row.status, String(row.attempts), last, row.created_at.toISOString()];
}

async function replayEach({ deliveries }: EventRooms, ids: string[], { print }: CommandContext): Promise<void> {
  for (const id of ids) {
    await deliveries.replay(BY, id);
    print(`${id} is due`);
  }
}

async function replayRange(
  { deliveries }: EventRooms,
  options: ReplayOptions,
  { print }: CommandContext,
): Promise<void> {
  if (options.subscription === undefined || options.from === undefined) {
    throw new UsageFailure('Say which deliveries: their ids, or --subscription and --from.');
  }
  const from = toInstant('--from', options.from);
  // Ids have the time in milliseconds; nothing is made later than this instant of the far future.
  const to = toInstant('--to', options.to ?? '9999-12-31T00:00:00Z');
  const statuses: DeliveryStatus[] = options.delivered === true ? ['dead', 'delivered'] : ['dead'];
  const count = await deliveries.replayRange(BY, options.subscription, { from, to, statuses });
  print(`${count} deliveries are due`);
}

function toInstant(option: string, text: string): Date {
  const epochMs = Date.parse(text);
  if (epochMs >= 0) return new Date(epochMs);
  throw new UsageFailure(`${option} must be an instant such as 2026-01-31T09:30:00Z.`);
}

function toStatus(text: string): DeliveryStatus {
  const status = DELIVERY_STATUSES.find((each) => each === text);
  if (status === undefined) throw new UsageFailure(`--status must be ${DELIVERY_STATUSES.join(', ')}.`);
  return status;
}

function toLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return limit;
  throw new UsageFailure('--limit must be a whole number from 1 to 1000.');
}
