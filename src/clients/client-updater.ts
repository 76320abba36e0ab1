import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/actor.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { lockClientForChange, updateClient } from '../auth/client.repository.ts';
import { replaceIdentities } from '../auth/client-identity.repository.ts';
import type { ClientDetailsRow, ClientRow } from '../auth/client-row.ts';
import { Database } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import { AppError } from '../platform/problem.ts';
import { clientNotFound, identityTaken, requireEnforceable, requireNamedTenants, toClientId } from './client-rules.ts';

/** The columns to change. Absent ones stay unchanged. */
export type ClientChange = Partial<
  Omit<ClientRow, 'id' | 'role' | 'policy_version' | 'created_at'> & Pick<ClientDetailsRow, 'identities'>
>;

type Changes = Record<string, { from: unknown; to: unknown } | { added: unknown[]; removed: unknown[] }>;

/** Changes clients, with an audit entry in the same transaction. */
@Injectable()
export class ClientUpdater {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly macs: RowMacs,
  ) {}

  /**
   * Changes a client, effective from its next call on any replica, because cached policies are compared by version.
   * Throws 404 `client_not_found`, 409 `identity_taken`, 400 `invalid_request` if `allow` is combined with the lease
   * mode `token`.
   */
  change(
    actor: Actor,
    given: string,
    change: ClientChange,
    requestId: string | null = null,
  ): Promise<ClientDetailsRow> {
    return this.database.transaction(async (tx) => {
      const id = toClientId(given);
      const before = await lockClientForChange(tx, this.macs, id);
      if (before === null) throw new AppError(clientNotFound);
      const after: ClientDetailsRow = { ...before, ...change };
      const changes = differences(before, after);
      if (Object.keys(changes).length === 0) return before;
      requireEnforceable(after.lease_modes, after.allow);
      requireNamedTenants(after.role, after.tenants);
      if (changes['identities'] !== undefined && !(await replaceIdentities(tx, this.macs, id, after.identities)))
        throw new AppError(identityTaken);
      await updateClient(tx, this.macs, { ...after, policy_version: before.policy_version + 1 });
      await this.audit.record(tx, { action: 'client.changed', actor, subjectId: id, requestId, details: { changes } });
      return after;
    });
  }
}

/** Returns the changes by field; for lists, what was added and removed. */
function differences(before: ClientDetailsRow, after: ClientDetailsRow): Changes {
  const changes: Changes = {};
  for (const field of Object.keys(before) as (keyof ClientDetailsRow)[]) {
    const [from, to] = [before[field], after[field]];
    if (canonical(from) === canonical(to)) continue;
    changes[field] =
      isList(from) && isList(to) ? { added: without(to, from), removed: without(from, to) } : { from, to };
  }
  return changes;
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function without(list: unknown[], others: unknown[]): unknown[] {
  const known = new Set(others.map(canonical));
  return list.filter((item) => !known.has(canonical(item)));
}

/** Returns equal text for equal values; `jsonb` doesn't keep the order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part) && !(part instanceof Date)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
