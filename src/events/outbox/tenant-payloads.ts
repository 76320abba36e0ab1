import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/database.ts';
import { PayloadVault } from '../../vault/payloads/payload-vault.ts';
import { eraseEventsOfKeys } from './event-payload.repository.ts';

const BATCH = 100;

/** What Meta sent about a tenant as a whole. */
@Injectable()
export class TenantPayloads {
  constructor(private readonly payloads: PayloadVault) {}

  /**
   * Destroys the tenant's payload keys and erases what they sealed: pending events are delivered as erased. Returns the number of keys.
   * What comes later gets new keys.
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
}
