import type { Command } from 'commander';
import { StartFailure } from '../../bootstrap/startup-error.ts';
import { PRODUCTS } from '../../config/config.ts';
import { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import type { ConnectionStatus } from '../../connections/connection/connection-status.ts';
import { UsageFailure } from '../command-error.ts';

/** Which connections a command is about, over all tenants. */
export interface Selection {
  tenant?: string;
  product?: string;
  status?: string;
  app?: string;
}

const STATUSES: readonly ConnectionStatus[] = ['active', 'reauth_required', 'revoked'];
const PAGE = 200;

/** Adds the options of a `Selection`, without `--status`. */
export function selecting(command: Command): Command {
  return command
    .option('--tenant <tenant>', 'of this tenant')
    .option('--product <product>', PRODUCTS.join(', '))
    .option('--app <id>', 'of this Meta app');
}

/** The selected connections, the oldest first. Throws `UsageFailure` for a word that nothing can match. */
export async function selectConnections(reader: ConnectionReader, selection: Selection): Promise<ConnectionView[]> {
  const { tenant, product, app } = selection;
  if (product !== undefined && !PRODUCTS.some((each) => each === product)) {
    throw new UsageFailure(`--product must be ${PRODUCTS.join(', ')}.`);
  }
  const status = STATUSES.find((each) => each === selection.status);
  if (selection.status !== undefined && status === undefined) {
    throw new UsageFailure(`--status must be ${STATUSES.join(', ')}.`);
  }
  const filter = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(product === undefined ? {} : { product }),
    ...(status === undefined ? {} : { status }),
    visibleTenants: null,
    visibleProducts: null,
    limit: PAGE,
  };
  const all: ConnectionView[] = [];
  for (let after: string | null = null; ; ) {
    const page = await reader.list({ ...filter, after });
    all.push(...page.data.filter(({ app_id }) => app === undefined || app_id === app));
    if (page.next_cursor === null) return all;
    after = page.data.at(-1)?.id ?? null;
  }
}

/** Named ones, or a whole tenant, product or app; never everything by having forgotten to say what. */
export async function chooseConnections(
  reader: ConnectionReader,
  ids: readonly string[],
  selection: Selection,
): Promise<ConnectionView[]> {
  const { tenant, product, app } = selection;
  const hasFilter = tenant !== undefined || product !== undefined || app !== undefined;
  if (hasFilter === ids.length > 0) {
    throw new UsageFailure('Give either ids or at least one of --tenant, --product, --app.');
  }
  if (hasFilter) return selectConnections(reader, selection);
  const distinct = [...new Set(ids)];
  const found = await Promise.all(distinct.map((id) => reader.findAcrossTenants(id)));
  const missing = distinct.filter((_, index) => found[index] === null);
  if (missing.length > 0) {
    throw new StartFailure(`There is no connection ${missing.join(', ')}. Nothing was done.`, undefined);
  }
  return found.filter((view) => view !== null);
}
