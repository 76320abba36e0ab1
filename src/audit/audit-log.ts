import type { Sql } from '../database/database.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';

/** Who did it: a client of ours (its id), a person's browser, Meta by a callback, an operator at the command line, or we ourselves. */
export interface Actor {
  kind: 'client' | 'browser' | 'meta' | 'operator' | 'system';
  id: string | null;
}

export const SYSTEM: Actor = Object.freeze({ kind: 'system', id: null });

/** What happened. `details` holds ids, states and codes; never a token, a secret, or a text of Meta's. */
export interface AuditFact {
  /** `connection.created`, `lease.issued`, … */
  action: string;
  actor: Actor;
  tenant?: string | null;
  product?: string | null;
  connectionId?: string | null;
  /** What it happened to, where that is not the connection: a lease, a credential, a client, a key. */
  subjectId?: string | null;
  requestId?: string | null;
  details?: Record<string, unknown>;
}

/** The record of every state change. An entry is written in the transaction that makes it true, so neither can be without the other. */
export class AuditLog {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** Writes an entry through `sql`, so that it commits with what it records. Throws where it can't be written: then nothing is done. */
  async record(sql: Sql, fact: AuditFact): Promise<void> {
    await sql.run({
      name: 'audit_record',
      text: `INSERT INTO audit_entry (id, at, action, actor_kind, actor_id, tenant, product, connection_id, subject_id, request_id, details)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      values: [
        this.ids.next('aud'),
        this.clock.now(),
        fact.action,
        fact.actor.kind,
        fact.actor.id,
        fact.tenant ?? null,
        fact.product ?? null,
        fact.connectionId ?? null,
        fact.subjectId ?? null,
        fact.requestId ?? null,
        JSON.stringify(fact.details ?? {}),
      ],
    });
  }
}
