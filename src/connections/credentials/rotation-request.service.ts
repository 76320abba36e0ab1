import { Injectable } from '@nestjs/common';
import type { Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { Clock } from '../../platform/clock.ts';
import { placeOf } from '../connection-place.ts';
import type { CredentialSnapshot } from './credential-snapshot.ts';
import { updateRotationRequested } from './rotation-request.repository.ts';

/** Who asks for a rotation, and for what. */
export interface RotationWish {
  actor: Actor;
  requestId: string | null;
  /** Whether the new token shall end after 60 days. Null: where the old one has an end. */
  expires: boolean | null;
}

/** Rotations that somebody asks for: on the row first, so that they are done even where this replica dies. */
@Injectable()
export class RotationRequestService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  /** The rotation of this root credential is due now, whoever is working on it at the moment. False where its token has been destroyed. */
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
