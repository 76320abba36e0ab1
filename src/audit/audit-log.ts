import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../database/statement.ts';
import { Clock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { ChainMac } from './chain/chain-mac.ts';
import { deriveEntryKey, insertEntriesSql } from './chain/entry-mac.ts';

/** Who did it: a client of ours (its id), a person's browser, Meta by a callback, an operator at the command line, or we ourselves. */
export interface Actor {
  kind: 'client' | 'browser' | 'meta' | 'operator' | 'system';
  id: string | null;
}

export const SYSTEM: Actor = Object.freeze({ kind: 'system', id: null });

/** What happened. `details` holds ids, states and codes; never a token, a secret, or a text of Meta's. */
export interface NewAuditEntry {
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

const INSERT =
  insertEntriesSql(`SELECT $1::text, $2::timestamptz, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text,
  $10::text, $11::json, $12::bytea`);

/** The record of every state change. An entry is written in the transaction that makes it true, so neither can be without the other. */
@Injectable()
export class AuditLog {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly mac: ChainMac,
  ) {}

  /** Writes an entry through `sql`, so that it commits with what it records. Throws where it can't be written: then nothing is done. */
  async record(sql: SqlExecutor, fact: NewAuditEntry): Promise<void> {
    const id = this.ids.next('aud');
    await sql.run({
      name: 'audit_record',
      text: INSERT,
      values: [
        id,
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
        deriveEntryKey(this.mac, id),
      ],
    });
  }
}
