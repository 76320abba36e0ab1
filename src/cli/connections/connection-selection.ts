import { type Command, Option } from 'commander';
import { StartupError } from '../../bootstrap/startup-error.ts';
import { PRODUCTS, type Product } from '../../config/config.ts';
import type { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound } from '../../connections/connection/connection-problems.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { HEALTHS, type Health } from '../../connections/credentials/credential-kind.ts';
import { CONNECTION_STATUSES, type ConnectionStatus } from '../../connections/status/connection-status.ts';
import { STATUS_REASON_CODES, type StatusReasonCode } from '../../connections/status/status-reason.ts';
import { toInstantOption } from '../audit/instant-option.ts';
import { IncompleteError, UsageError } from '../command-error.ts';
import { readPages } from '../read-pages.ts';

/** Which connections of all tenants a command works on. */
export interface Selection {
  tenant?: string;
  product?: Product;
  status?: ConnectionStatus;
  reference?: string;
  app?: string;
  /** Of at least one credential. */
  health?: Health;
  /** RFC 3339. */
  expiresBefore?: string;
  /** Meta's id of an asset. */
  asset?: string;
  reason?: StatusReasonCode;
  /** Meta's id. */
  metaUser?: string;
  /** As `q` of `GET /v1/connections`. */
  search?: string;
}

const PAGE_SIZE = 200;

/** Adds the `Selection` options that commands with effects also have. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option('--tenant <tenant>', 'connections of this tenant')
    .addOption(new Option('--product <product>', 'connections of this product').choices(PRODUCTS))
    .option('--app <id>', 'connections of this Meta app');
}

/** Adds the other options of a `Selection`: the filters of `GET /v1/connections`. */
export function addFilterOptions(command: Command): Command {
  return command
    .addOption(new Option('--status <status>', 'with this status').choices(CONNECTION_STATUSES))
    .addOption(new Option('--health <health>', 'with at least one token in this health').choices(HEALTHS))
    .option(
      '--expires-before <instant>',
      "whose token, or access to the user's data, expires before this RFC 3339 instant",
    )
    .option('--asset <id>', 'that reach this Page, account, or phone number')
    .option('--reference <reference>', "with exactly this reference, the product's own id")
    .addOption(new Option('--reason <code>', 'with this status reason').choices(STATUS_REASON_CODES))
    .option('--meta-user <id>', 'authorized by this user, by the id at Meta')
    .option('--search <text>', 'by an exact id or reference, or by the beginning of a tenant or asset name');
}

/** Reads the selected connections, oldest first. Throws `UsageError` if `expiresBefore` is not an instant. */
export async function selectConnections(
  connectionRepository: ConnectionRepository,
  selection: Selection,
): Promise<ConnectionResponse[]> {
  const { tenant, product, status, health, expiresBefore, asset, reference, app } = selection;
  const { reason, metaUser, search } = selection;
  const filter = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(product === undefined ? {} : { product }),
    ...(status === undefined ? {} : { status }),
    ...(health === undefined ? {} : { health }),
    ...(expiresBefore === undefined ? {} : { expiresBefore: toInstantOption('--expires-before', expiresBefore) }),
    ...(asset === undefined ? {} : { assetId: asset }),
    ...(reference === undefined ? {} : { reference }),
    ...(reason === undefined ? {} : { reason }),
    ...(metaUser === undefined ? {} : { metaUserId: metaUser }),
    ...(search === undefined ? {} : { text: search }),
    visibleTenants: null,
    visibleProducts: null,
    limit: PAGE_SIZE,
  };
  const all: ConnectionResponse[] = [];
  const readPage = async (after: string | null) => {
    const { data, next_cursor: next } = await connectionRepository.list({ ...filter, after });
    return { rows: data, hasMore: next !== null };
  };
  for await (const page of readPages(readPage)) {
    all.push(...page.filter(({ app_id }) => app === undefined || app_id === app));
  }
  return all;
}

/**
 * Reads connections by id, or those of a tenant, product or app. Without either, throws `UsageError` rather than take
 * all.
 */
export async function chooseConnections(
  connectionRepository: ConnectionRepository,
  ids: readonly string[],
  selection: Selection,
): Promise<ConnectionResponse[]> {
  const { tenant, product, app } = selection;
  const hasFilter = tenant !== undefined || product !== undefined || app !== undefined;
  if (hasFilter === ids.length > 0) {
    throw new UsageError('Which connections?', 'Give either ids or at least one of --tenant, --product, --app.');
  }
  if (hasFilter) return selectConnections(connectionRepository, selection);
  const distinct = [...new Set(ids)];
  const found = await Promise.all(distinct.map((id) => connectionRepository.findAcrossTenants(id)));
  const missing = distinct.filter((_, index) => found[index] === null);
  if (missing.length > 0) {
    const detail = `There is no connection ${missing.join(', ')}. Nothing was done.`;
    throw new StartupError({ code: connectionNotFound.code, detail, remedy: 'List them: metavault connections list.' });
  }
  return found.filter((view) => view !== null);
}

/** Throws `IncompleteError` if one of these connections is not active or has a failure, as `failureOf` names it. */
export function requireHealthy(
  connections: readonly ConnectionResponse[],
  failureOf: (connection: ConnectionResponse) => string,
): void {
  const failing = connections.filter((each) => each.status !== 'active' || failureOf(each) !== '').length;
  if (failing === 0) return;
  throw new IncompleteError(
    `${failing} of ${connections.length} connections have a problem.`,
    'metavault connections show names the remedy.',
  );
}
