import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';
import { TENANT_PATTERN } from '../config/tenant.ts';
import { DeliveriesService } from '../events/deliveries/deliveries.service.ts';
import type { DeliveryRow } from '../events/deliveries/delivery.repository.ts';
import { EventBacklogQuery } from '../events/deliveries/event-backlog.query.ts';
import { TenantPayloads } from '../events/outbox/tenant-payloads.ts';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../events/queue/delivery-status.ts';
import type { Requester } from '../events/subscriptions/requester.ts';
import { SubscriptionsService } from '../events/subscriptions/subscriptions.service.ts';
import { type CommandContext, formatTable, loadCommandConfig, withApplicationContext } from './command-context.ts';
import { UsageError } from './command-error.ts';
import { OPERATOR } from './operator.ts';
import { readPages, toIdPage } from './read-pages.ts';

const REQUESTER: Requester = { actor: OPERATOR, requestId: null, scope: { tenants: null, products: null } };
const PAGE_SIZE = 200;

interface EventServices {
  subscriptions: SubscriptionsService;
  deliveries: DeliveriesService;
  backlog: EventBacklogQuery;
  payloads: TenantPayloads;
}

/** `metavault events`: the state of deliveries to product services, and replays of dead letters. Replicas do the sending. */
export function addEventsCommand(program: Command, context: CommandContext): void {
  const events = program.command('events').description('subscriptions, their deliveries, and replaying them');
  const runWithServices = (work: (services: EventServices) => Promise<void>): Promise<void> =>
    withApplicationContext(loadCommandConfig(context.environment), (app) => work(servicesOf(app)));
  events
    .command('list')
    .description('the subscriptions, and what waits for all of them')
    .action(() => runWithServices((services) => list(services, context)));
  events
    .command('deliveries <subscription>')
    .description('the newest deliveries of a subscription')
    .option('--status <status>', DELIVERY_STATUSES.join(', '), 'dead')
    .option('--limit <number>', 'how many at the most', '50')
    .action((subscription: string, { status, limit }: { status: string; limit: string }) =>
      runWithServices(async ({ deliveries }) => {
        const filter = { status: toStatus(status), limit: toLimit(limit), before: null };
        const rows = await deliveries.list(subscription, REQUESTER.scope, filter);
        context.print(formatTable([DELIVERY_HEADER, ...rows.slice(0, filter.limit).map(toLine)]));
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
      runWithServices((services) =>
        ids.length > 0 ? replayEach(services, ids, context) : replayRange(services, options, context),
      ),
    );
  events
    .command('shred')
    .description('destroy the keys of all that Meta has sent about a tenant; this cannot be undone')
    .requiredOption('--tenant <tenant>')
    .action(({ tenant }: { tenant: string }) =>
      runWithServices(async ({ payloads }) => {
        context.print(`${await payloads.shredFor(OPERATOR, toTenant(tenant))} keys are destroyed`);
      }),
    );
}

interface ReplayOptions {
  subscription?: string;
  from?: string;
  to?: string;
  delivered?: true;
}

function servicesOf(app: INestApplicationContext): EventServices {
  return {
    subscriptions: app.get(SubscriptionsService),
    deliveries: app.get(DeliveriesService),
    backlog: app.get(EventBacklogQuery),
    payloads: app.get(TenantPayloads),
  };
}

async function list({ subscriptions, backlog }: EventServices, { print }: CommandContext): Promise<void> {
  const lines: string[][] = [];
  const readPage = async (after: string | null) =>
    toIdPage(await subscriptions.list(REQUESTER.scope, PAGE_SIZE, after), PAGE_SIZE);
  for await (const page of readPages(readPage)) {
    for (const row of page) {
      lines.push([
        row.id,
        row.status,
        row.failing_since?.toISOString() ?? '',
        new URL(row.url).host,
        row.events.join(','),
      ]);
    }
  }
  print(formatTable([['ID', 'STATUS', 'FAILING SINCE', 'HOST', 'EVENTS'], ...lines]));
  const { undispatched, pending, dead } = await backlog.count();
  print(`events to dispatch: ${undispatched}, deliveries that wait: ${pending}, dead letters: ${dead}`);
}

const DELIVERY_HEADER = ['ID', 'EVENT', 'TYPE', 'STATUS', 'ATTEMPTS', 'LAST', 'MADE'];

function toLine(row: DeliveryRow): string[] {
  const last = row.last_error ?? String(row.last_status ?? '');
  return [row.id, row.event_id, row.type, row.status, String(row.attempts), last, row.created_at.toISOString()];
}

async function replayEach({ deliveries }: EventServices, ids: string[], { print }: CommandContext): Promise<void> {
  for (const id of ids) {
    await deliveries.replay(REQUESTER, id);
    print(`${id} is due`);
  }
}

async function replayRange(
  { deliveries }: EventServices,
  options: ReplayOptions,
  { print }: CommandContext,
): Promise<void> {
  if (options.subscription === undefined || options.from === undefined) {
    throw new UsageError('Say which deliveries: their ids, or --subscription and --from.');
  }
  const from = toInstant('--from', options.from);
  // Ids contain the time in milliseconds; none is later than this instant in the far future.
  const to = toInstant('--to', options.to ?? '9999-12-31T00:00:00Z');
  const statuses: DeliveryStatus[] = options.delivered === true ? ['dead', 'delivered'] : ['dead'];
  const count = await deliveries.replayRange(REQUESTER, options.subscription, { from, to, statuses });
  print(`${count} deliveries are due`);
}

function toTenant(text: string): string {
  if (TENANT_PATTERN.test(text)) return text;
  throw new UsageError('--tenant must be a tenant as connections name it.');
}

function toInstant(option: string, text: string): Date {
  const epochMs = Date.parse(text);
  if (epochMs >= 0) return new Date(epochMs);
  throw new UsageError(`${option} must be an instant such as 2026-01-31T09:30:00Z.`);
}

function toStatus(text: string): DeliveryStatus {
  const status = DELIVERY_STATUSES.find((each) => each === text);
  if (status === undefined) throw new UsageError(`--status must be ${DELIVERY_STATUSES.join(', ')}.`);
  return status;
}

function toLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return limit;
  throw new UsageError('--limit must be a whole number from 1 to 1000.');
}
