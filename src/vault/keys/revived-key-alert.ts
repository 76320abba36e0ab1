import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { IntegrityFailures } from '../../database/integrity-failures.ts';
import type { KekId } from '../ids.ts';
import { KeyRing } from './key-ring.ts';

/**
 * Reports retired KEKs whose keys are in the database again, once per replica and reappearance, in the log, the metric
 * and the audit record.
 */
@Injectable()
export class RevivedKeyAlert {
  #reported: ReadonlySet<KekId> = new Set();

  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly audit: AuditLog,
    private readonly integrity: IntegrityFailures,
  ) {}

  /** Reports the revived keys that the last reload found. */
  async raise(): Promise<void> {
    const revived = this.ring.revivedKeys;
    for (const id of revived) {
      if (this.#reported.has(id)) continue;
      this.integrity.tampered('encryption_key', 'a retired key is in the database again; it is not used', {
        key_id: id,
      });
      await this.audit.record(this.database, { action: 'key.revival_refused', actor: SYSTEM, subjectId: id });
    }
    this.#reported = new Set(revived);
  }
}
