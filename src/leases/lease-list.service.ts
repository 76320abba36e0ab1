import { Injectable } from '@nestjs/common';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { isCoveredByPolicy } from '../auth/policy/policy.ts';
import { Database } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import { Clock } from '../platform/clock.ts';
import { decodeCursor, encodeCursor, type Page, toPage } from '../platform/paging.ts';
import { acceptRecords, type LeaseRecord, type LeaseRecordRow } from './lease.repository.ts';
import { type LeaseOwners, type LeaseSpan, listLeases } from './lease-list.query.ts';
import type { LeaseResponse } from './lease-response.dto.ts';
import { leaseSpans } from './lease-spans.ts';
import { leaseStatus, toLeaseResponse } from './lease-view.ts';
import type { ListLeasesRequest } from './list-leases.dto.ts';

/**
 * Maximum number of leases read for one page: more would hold up the database. The cursor then continues after them.
 */
const MAX_READ = 1_000;
const MIN_CHUNK = 50;

/** Lists leases, newest first. */
@Injectable()
export class LeaseListService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly macs: RowMacs,
  ) {}

  /**
   * One page of the leases that the client may see. May hold fewer leases than `limit`, even none, although more
   * follow. Leaves out leases with a wrong MAC.
   */
  async list(client: AuthenticatedClient, request: ListLeasesRequest): Promise<Page<LeaseResponse>> {
    const owners = ownersOf(client, request);
    if (owners === null) return { data: [], next_cursor: null };
    return this.listOf(owners, request, (lease) => isListed(client, lease));
  }

  /** One page of all clients' leases, for the operator. May be short, as with `list`. */
  listAcrossTenants(request: ListLeasesRequest): Promise<Page<LeaseResponse>> {
    return this.listOf(toOwners(request), request, () => true);
  }

  private async listOf(
    owners: LeaseOwners,
    { status, tenant, limit, cursor }: ListLeasesRequest,
    isVisible: (lease: LeaseRecord) => boolean,
  ): Promise<Page<LeaseResponse>> {
    const now = this.clock.now();
    const before = decodeCursor(cursor);
    const isWanted = (lease: LeaseRecord): boolean =>
      isVisible(lease) &&
      (tenant === undefined || lease.tenant === tenant) &&
      (status === undefined || leaseStatus(lease, now) === status);
    const format = (lease: LeaseRecord): LeaseResponse => toLeaseResponse(lease, now);
    const found: LeaseRecord[] = [];
    let read = 0;
    const spans = leaseSpans(owners, { before, isActive: status === 'active', now });
    for await (const rows of this.read(owners, spans, Math.max(limit + 1, MIN_CHUNK))) {
      const leases = await acceptRecords(this.database, this.macs, rows, now);
      found.push(...leases.filter(isWanted));
      if (found.length > limit) return toPage(found, limit, format);
      read += rows.length;
      const last = rows.at(-1);
      if (read >= MAX_READ && last !== undefined)
        return { data: found.map(format), next_cursor: encodeCursor(last.id) };
    }
    return { data: found.map(format), next_cursor: null };
  }

  private async *read(
    owners: LeaseOwners,
    spans: readonly LeaseSpan[],
    limit: number,
  ): AsyncGenerator<LeaseRecordRow[]> {
    for (const span of spans) {
      for (let { before } = span; ; ) {
        const rows = await listLeases(this.database.reads, owners, { ...span, before, limit });
        if (rows.length > 0) yield rows;
        const last = rows.at(-1);
        if (last === undefined || rows.length < limit) break;
        before = last.id;
      }
    }
  }
}

/** Unlike a lease whose id an admin knows: lists show even admins only what their policy covers. */
function isListed(client: AuthenticatedClient, { client_id: clientId, tenant, product }: LeaseRecord): boolean {
  if (clientId === client.clientId) return true;
  return client.role !== 'service' && isCoveredByPolicy(client, tenant, product);
}

/** Services see only their own. Null: none of the requested leases are visible. */
function ownersOf(client: AuthenticatedClient, request: ListLeasesRequest): LeaseOwners | null {
  const owners = toOwners(request);
  if (client.role !== 'service') return owners;
  if (owners.clientId !== null && owners.clientId !== client.clientId) return null;
  return { ...owners, clientId: client.clientId };
}

function toOwners(request: ListLeasesRequest): LeaseOwners {
  const { connection_id: connectionId = null, tenant = null, client_id: clientId = null } = request;
  return { connectionId, tenant, clientId };
}
