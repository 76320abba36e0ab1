import { type Command, Option } from 'commander';
import { LeaseListService } from '../leases/lease-list.service.ts';
import { LEASE_STATUSES, type LeaseResponse, type LeaseStatus } from '../leases/lease-response.dto.ts';
import { ListLeasesRequest } from '../leases/list-leases.dto.ts';
import { isId } from '../platform/ids.ts';
import {
  type CommandContext,
  formatTable,
  loadCommandConfig,
  printResult,
  withApplicationContext,
} from './command-context.ts';
import { UsageError } from './command-error.ts';
import { addExamples } from './command-examples.ts';

interface ListOptions {
  connection?: string;
  tenant?: string;
  client?: string;
  status?: LeaseStatus;
  limit: string;
}

const MAX_PAGE = 200;
const HEADER = ['ID', 'STATUS', 'TENANT', 'PRODUCT', 'CONNECTION', 'CLIENT', 'MODE', 'ISSUED', 'EXPIRES'];

/** `metavault leases`: shows who has access to what. */
export function addLeasesCommand(program: Command, context: CommandContext): void {
  const leases = program.command('leases').description('list leases');
  addExamples(
    leases
      .command('list')
      .description('list leases of all clients, newest first, as GET /v1/leases does')
      .option('--connection <id>', 'for this connection')
      .option('--tenant <tenant>', 'for connections of this tenant')
      .option('--client <id>', 'issued to this client')
      .addOption(new Option('--status <status>', 'with this status').choices(LEASE_STATUSES))
      .option('--limit <number>', 'how many, at most', '50')
      .action((options: ListOptions) => list(options, context)),
    [
      'metavault leases list --connection con_01K0000000000000000000000A --status active',
      'see who can use a connection now',
    ],
    [
      'metavault leases list --client cli_01K0000000000000000000000A --limit 500 --json',
      'list what a client was given, as JSON',
    ],
  );
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const wanted = toLimit(options.limit);
  const request = toRequest(options);
  const leases = await withApplicationContext(context, loadCommandConfig(context.environment), (app) =>
    readLeases(app.get(LeaseListService), request, wanted),
  );
  printResult(context, { data: leases }, () => formatTable([HEADER, ...leases.map(toLine)]));
}

/** Keeps reading past short pages. */
async function readLeases(
  service: LeaseListService,
  request: ListLeasesRequest,
  wanted: number,
): Promise<LeaseResponse[]> {
  const leases: LeaseResponse[] = [];
  for (let cursor: string | null = null; ; ) {
    const limit = Math.min(MAX_PAGE, wanted - leases.length);
    const page = await service.listAcrossTenants({ ...request, limit, ...(cursor === null ? {} : { cursor }) });
    leases.push(...page.data);
    cursor = page.next_cursor;
    if (cursor === null || leases.length >= wanted) return leases;
  }
}

function toRequest({ connection, tenant, client, status }: ListOptions): ListLeasesRequest {
  if (connection !== undefined && !isId(connection, 'con'))
    throw new UsageError('--connection is not the id of a connection.', 'List them: metavault connections list.');
  if (client !== undefined && !isId(client, 'cli'))
    throw new UsageError('--client is not the id of a client.', 'List them: metavault clients list.');
  return Object.assign(new ListLeasesRequest(), {
    ...(connection === undefined ? {} : { connection_id: connection }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(client === undefined ? {} : { client_id: client }),
    ...(status === undefined ? {} : { status }),
  });
}

function toLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new UsageError('--limit must be a whole number from 1.');
  return limit;
}

function toLine(lease: LeaseResponse): string[] {
  return [
    lease.lease_id,
    lease.status,
    lease.tenant,
    lease.product,
    lease.connection_id,
    lease.client_id,
    lease.mode,
    lease.issued_at,
    lease.ended_at ?? lease.expires_at,
  ];
}
