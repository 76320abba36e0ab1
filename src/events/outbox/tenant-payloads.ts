import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database, type Transaction } from '../../database/database.ts';
import { PayloadVault } from '../../vault/payloads/payload-vault.ts';
import { eraseEventsOfKeys } from './event-payload.repository.ts';

const BATCH = 100;

/** Meta's payloads of a whole tenant. */
@Injectable()
export class TenantPayloads {
  constructor(
    private readonly database: Database,
    private readonly payloads: PayloadVault,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Destroys the tenant's payload keys and erases what they sealed. Pending events go out as erased; later ones get new
   * keys. Returns the number of keys.
   */
  async shred(tx: Transaction, tenant: string): Promise<number> {
    let shredded = 0;
    for (let batch = BATCH; batch === BATCH; shredded += batch) {
      const ids = await this.payloads.shredTenant(tx, tenant, BATCH);
      await eraseEventsOfKeys(tx, ids);
      batch = ids.length;
    }
    return shredded;
  }

  /** Same on behalf of an operator, with an audit entry, when a customer leaves. */
  shredFor(actor: Actor, tenant: string): Promise<number> {
    return this.database.transaction(async (tx) => {
      const keys = await this.shred(tx, tenant);
      await this.audit.record(tx, { action: 'payloads.shredded', actor, tenant, details: { keys } });
      return keys;
    });
  }
}
