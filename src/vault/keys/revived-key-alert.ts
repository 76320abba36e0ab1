import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { IntegrityFailures } from '../../database/integrity-failures.ts';
import type { KekId } from '../ids.ts';
import { KeyRing } from './key-ring.ts';

/** Reports retired KEKs that are in their rows again: each once per replica, in log, metric and record, for as long as it stays there. */
@Injectable()
export class RevivedKeyAlert {
  #reported: ReadonlySet<KekId> = new Set();

  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly audit: AuditLog,
    private readonly integrity: IntegrityFailures,
  ) {}

  /** Reports what the last reload of the key ring refused. */
  async raise(): Promise<void> {
    const revived = this.ring.revivedKeys;
    for (const id of revived) {
      if (this.#reported.has(id)) continue;
      this.integrity.tampered('encryption_key', 'a retired key is in its row again; it opens nothing', { key_id: id });
      await this.audit.record(this.database, { action: 'key.revival_refused', actor: SYSTEM, subjectId: id });
    }
    this.#reported = new Set(revived);
  }
}
