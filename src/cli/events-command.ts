import type { INestApplicationContext } from '@nestjs/common';
import { type Command, Option } from 'commander';
import { TENANT_PATTERN } from '../config/tenant.ts';
import { DeliveriesService } from '../events/deliveries/deliveries.service.ts';
import { toDeliveryResponse } from '../events/deliveries/delivery.dto.ts';
import type { DeliveryRow } from '../events/deliveries/delivery.repository.ts';
import { EventBacklogQuery } from '../events/deliveries/event-backlog.query.ts';
import { TenantPayloads } from '../events/outbox/tenant-payloads.ts';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../events/queue/delivery-status.ts';
import type { Requester } from '../events/subscriptions/requester.ts';
import type { SubscriptionRow } from '../events/subscriptions/subscription.ts';
import { toSubscriptionResponse } from '../events/subscriptions/subscription-response.dto.ts';
import { SubscriptionsService } from '../events/subscriptions/subscriptions.service.ts';
import {
  type CommandContext,
  formatTable,
  loadCommandConfig,
  printResult,
  withApplicationContext,
} from './command-context.ts';
import { UsageError } from './command-error.ts';
import { addExamples } from './command-examples.ts';
import { OPERATOR } from './operator.ts';
import { readPages, toIdPage } from './read-pages.ts';
import { confirm } from './terminal/terminal.ts';

const REQUESTER: Requester = { actor: OPERATOR, requestId: null, scope: { tenants: null, products: null } };
const PAGE_SIZE = 200;

interface EventServices {
  subscriptions: SubscriptionsService;
  deliveries: DeliveriesService;
  backlog: EventBacklogQuery;
  payloads: TenantPayloads;
}

interface ListOptions {
  status: DeliveryStatus;
  limit: string;
}

interface ReplayOptions {
  subscription?: string;
  from?: string;
  to?: string;
  delivered?: true;
}

interface ShredOptions {
  tenant: string;
  yes?: true;
}

/** `metavault events`: shows subscriptions and deliveries, and replays deliveries. Replicas do the sending. */
export function addEventsCommand(program: Command, context: CommandContext): void {
  const events = program.command('events').description('list subscriptions and deliveries, and replay deliveries');
  const run = (work: (services: EventServices) => Promise<void>): Promise<void> =>
    withApplicationContext(context, loadCommandConfig(context.environment), (app) => work(servicesOf(app)));
  addExamples(
    events
      .command('list')
      .description('list the subscriptions, and count what is waiting')
      .action(() => run((services) => list(services, context))),
    ['metavault events list', 'see which subscriptions are failing'],
  );
  addExamples(
    events
      .command('deliveries <subscription>')
      .description('list the newest deliveries of a subscription')
      .addOption(new Option('--status <status>', 'with this status').choices(DELIVERY_STATUSES).default('dead'))
      .option('--limit <number>', 'how many, at most', '50')
      .action((id: string, options: ListOptions) =>
        run(({ deliveries }) => listDeliveries(deliveries, id, options, context)),
      ),
    ['metavault events deliveries sub_01K0000000000000000000000A', 'list the dead letters of a subscription'],
    [
      'metavault events deliveries sub_01K0000000000000000000000A --status pending --limit 10',
      'list what is still being tried',
    ],
  );
  addExamples(
    events
      .command('replay')
      .description('send deliveries again: by id, or the dead letters of a subscription by time')
      .argument('[deliveries...]', 'ids of deliveries')
      .option('--subscription <id>', 'those of this subscription; needs --from')
      .option('--from <instant>', 'created at or after this RFC 3339 instant')
      .option('--to <instant>', 'created before this RFC 3339 instant (default: now)')
      .option('--delivered', 'delivered ones, too')
      .action((ids: string[], options: ReplayOptions) =>
        run((services) =>
          ids.length > 0 ? replayEach(services, ids, context) : replayRange(services, options, context),
        ),
      ),
    ['metavault events replay dlv_01K0000000000000000000000A', 'send one delivery again'],
    [
      'metavault events replay --subscription sub_01K0000000000000000000000A --from 2026-01-31T09:30:00Z',
      'send all dead letters since an outage again',
    ],
  );
  addExamples(
    events
      .command('shred')
      .description("destroy the keys of Meta's payloads about a tenant; this cannot be undone")
      .requiredOption('--tenant <tenant>', 'the tenant, as its connections name it')
      .option('--yes', 'do not ask')
      .action((options: ShredOptions) => shred(run, options, context)),
    ['metavault events shred --tenant acme', "make acme's stored webhooks unreadable"],
  );
}

function servicesOf(app: INestApplicationContext): EventServices {
  return {
    subscriptions: app.get(SubscriptionsService),
    deliveries: app.get(DeliveriesService),
    backlog: app.get(EventBacklogQuery),
    payloads: app.get(TenantPayloads),
  };
}

async function list({ subscriptions, backlog }: EventServices, context: CommandContext): Promise<void> {
  const rows: SubscriptionRow[] = [];
  const readPage = async (after: string | null) =>
    toIdPage(await subscriptions.list(REQUESTER.scope, PAGE_SIZE, after), PAGE_SIZE);
  for await (const page of readPages(readPage)) rows.push(...page);
  const { undispatched, pending, dead } = await backlog.count();
  const document = { data: rows.map(toSubscriptionResponse), backlog: { undispatched, pending, dead } };
  printResult(context, document, () => {
    const lines = rows.map((row) => [
      row.id,
      row.status,
      row.failing_since?.toISOString() ?? '',
      new URL(row.url).host,
      row.events.join(','),
    ]);
    const table = formatTable([['ID', 'STATUS', 'FAILING SINCE', 'HOST', 'EVENTS'], ...lines]);
    return `${table}\nevents to dispatch: ${undispatched}, pending deliveries: ${pending}, dead letters: ${dead}`;
  });
}

const DELIVERY_HEADER = ['ID', 'EVENT', 'TYPE', 'STATUS', 'ATTEMPTS', 'LAST', 'CREATED'];

async function listDeliveries(
  deliveries: DeliveriesService,
  subscription: string,
  { status, limit: given }: ListOptions,
  context: CommandContext,
): Promise<void> {
  const limit = toLimit(given);
  const rows = (await deliveries.list(subscription, REQUESTER.scope, { status, limit, before: null })).slice(0, limit);
  printResult(context, { data: rows.map(toDeliveryResponse) }, () =>
    formatTable([DELIVERY_HEADER, ...rows.map(toLine)]),
  );
}

function toLine(row: DeliveryRow): string[] {
  const last = row.last_error ?? String(row.last_status ?? '');
  return [row.id, row.event_id, row.type, row.status, String(row.attempts), last, row.created_at.toISOString()];
}

async function replayEach({ deliveries }: EventServices, ids: string[], context: CommandContext): Promise<void> {
  const replayed: DeliveryRow[] = [];
  try {
    for (const id of ids) replayed.push(await deliveries.replay(REQUESTER, id));
  } finally {
    printResult(context, { data: replayed.map(toDeliveryResponse) }, () =>
      replayed.map(({ id }) => `${id} will be sent again`).join('\n'),
    );
  }
}

async function replayRange(
  { deliveries }: EventServices,
  options: ReplayOptions,
  context: CommandContext,
): Promise<void> {
  if (options.subscription === undefined || options.from === undefined) {
    throw new UsageError('Which deliveries?', 'Give their ids, or --subscription and --from.');
  }
  const from = toInstant('--from', options.from);
  // Ids hold the time in milliseconds; none is later than this.
  const to = toInstant('--to', options.to ?? '9999-12-31T00:00:00Z');
  const statuses: DeliveryStatus[] = options.delivered === true ? ['dead', 'delivered'] : ['dead'];
  const replayed = await deliveries.replayRange(REQUESTER, options.subscription, { from, to, statuses });
  printResult(context, { replayed }, () => `${replayed} deliveries will be sent again`);
}

async function shred(
  run: (work: (services: EventServices) => Promise<void>) => Promise<void>,
  { tenant, yes }: ShredOptions,
  context: CommandContext,
): Promise<void> {
  if (!TENANT_PATTERN.test(tenant)) {
    throw new UsageError(
      '--tenant is not a tenant.',
      'Write it as its connections name it: metavault connections list.',
    );
  }
  await confirm(context, `Meta's stored payloads about ${tenant} will be unreadable for good.`, yes === true);
  await run(async ({ payloads }) => {
    const destroyed = await payloads.shredFor(OPERATOR, tenant);
    printResult(
      context,
      { tenant, keys_destroyed: destroyed },
      () => `Destroyed ${destroyed} payload keys of ${tenant}.`,
    );
  });
}

function toInstant(option: string, text: string): Date {
  const epochMs = Date.parse(text);
  if (epochMs >= 0) return new Date(epochMs);
  throw new UsageError(`${option} must be an RFC 3339 instant.`, 'Write it as 2026-01-31T09:30:00Z.');
}

function toLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return limit;
  throw new UsageError('--limit must be a whole number from 1 to 1000.');
}
