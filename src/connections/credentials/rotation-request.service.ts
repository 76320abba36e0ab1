import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { placeOf } from '../connection-place.ts';
import type { CredentialSnapshot } from './credential-snapshot.ts';
import { updateRotationRequested } from './rotation-request.repository.ts';

/** Who requests a rotation, and how. */
export interface RotationWish {
  actor: Actor;
  requestId: string | null;
  /** Whether the new token should expire after 60 days. Null: if the old one expires. */
  expires: boolean | null;
}

/** Requested rotations. Stored on the row first, so that they happen even if this replica dies. */
@Injectable()
export class RotationRequestService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes the rotation of this root credential due now, even if another worker has claimed it. False if its token was
   * destroyed.
   */
  async request(credential: CredentialSnapshot, { actor, requestId, expires }: RotationWish): Promise<boolean> {
    const now = this.clock.now();
    return this.database.transaction(async (tx) => {
      if (!(await updateRotationRequested(tx, credential.id, expires, now))) return false;
      await this.audit.record(tx, {
        ...placeOf(credential),
        action: 'credential.rotation_requested',
        actor,
        requestId,
        subjectId: credential.id,
        details: { kind: credential.kind, version: credential.version, set_token_expires_in_60_days: expires },
      });
      return true;
    });
  }
}
