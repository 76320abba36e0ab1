import type { Command } from 'commander';
import { StartupError } from '../../bootstrap/startup-error.ts';
import { PRODUCTS } from '../../config/config.ts';
import type { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import type { ConnectionStatus } from '../../connections/status/connection-status.ts';
import { UsageError } from '../command-error.ts';
import { readPages } from '../read-pages.ts';

/** Which connections a command is about, over all tenants. */
export interface Selection {
  tenant?: string;
  product?: string;
  status?: string;
  app?: string;
}

const STATUSES: readonly ConnectionStatus[] = ['active', 'reauth_required', 'revoked'];
const PAGE_SIZE = 200;

/** Adds the options of a `Selection`, without `--status`. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option('--tenant <tenant>', 'of this tenant')
    .option('--product <product>', PRODUCTS.join(', '))
    .option('--app <id>', 'of this Meta app');
}

/** The selected connections, the oldest first. Throws `UsageError` for an unknown product or status. */
export async function selectConnections(
  connectionRepository: ConnectionRepository,
  selection: Selection,
): Promise<ConnectionResponse[]> {
  const { tenant, product, app } = selection;
  if (product !== undefined && !PRODUCTS.some((each) => each === product)) {
    throw new UsageError(`--product must be ${PRODUCTS.join(', ')}.`);
  }
  const status = STATUSES.find((each) => each === selection.status);
  if (selection.status !== undefined && status === undefined) {
    throw new UsageError(`--status must be ${STATUSES.join(', ')}.`);
  }
  const filter = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(product === undefined ? {} : { product }),
    ...(status === undefined ? {} : { status }),
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

/** By id, or a whole tenant, product or app; never everything because the operator forgot to say what. */
export async function chooseConnections(
  connectionRepository: ConnectionRepository,
  ids: readonly string[],
  selection: Selection,
): Promise<ConnectionResponse[]> {
  const { tenant, product, app } = selection;
  const hasFilter = tenant !== undefined || product !== undefined || app !== undefined;
  if (hasFilter === ids.length > 0) {
    throw new UsageError('Give either ids or at least one of --tenant, --product, --app.');
  }
  if (hasFilter) return selectConnections(connectionRepository, selection);
  const distinct = [...new Set(ids)];
  const found = await Promise.all(distinct.map((id) => connectionRepository.findAcrossTenants(id)));
  const missing = distinct.filter((_, index) => found[index] === null);
  if (missing.length > 0) {
    throw new StartupError(`There is no connection ${missing.join(', ')}. Nothing was done.`, undefined);
  }
  return found.filter((view) => view !== null);
}
