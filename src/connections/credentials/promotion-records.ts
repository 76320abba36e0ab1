import { SYSTEM } from '../../audit/actor.ts';
import type { NewAuditEntry } from '../../audit/audit-log.ts';
import type { OutboxEvent } from '../../events/outbox/outbox.ts';
import { placeOf } from '../connection-place.ts';
import type { RefreshedConnection } from '../status/inspected-connection.repository.ts';
import type { ClaimedCredential } from './credential-snapshot.ts';

/** What inspection found about the version about to serve. */
export interface VerifiedVersion {
  scopes: string[];
  /** Scopes the user has revoked since the last inspection. Recorded, not a failure. */
  lostScopes: string[];
  /** Scopes the product needs and the token lacks. Undefined: unknown. */
  missingScopes?: string[];
  issuedAt: Date | null;
  expiresAt: Date | null;
  /** Undefined: not reported, so the known value stays. */
  dataAccessExpiresAt?: Date | null;
}

/** A version that now serves. */
export interface Promotion {
  credential: ClaimedCredential;
  verified: VerifiedVersion;
  isRotation: boolean;
  /** Null: of a Page, or of a connection that was active and still is. */
  connection: RefreshedConnection | null;
}

/** The audit entries and the event of a promotion, for its transaction. */
export function promotionRecords({ credential, verified, isRotation, connection }: Promotion): {
  entries: NewAuditEntry[];
  event: OutboxEvent;
} {
  const of = placeOf(credential);
  const status = connection?.status ?? 'active';
  const lost = verified.lostScopes.length === 0 ? {} : { lost_scopes: verified.lostScopes };
  const version = credential.version + 1;
  const entries: NewAuditEntry[] = [
    {
      ...of,
      action: isRotation ? 'credential.rotated' : 'credential.refreshed',
      actor: SYSTEM,
      subjectId: credential.id,
      details: { kind: credential.kind, version, expires_at: verified.expiresAt, ...lost },
    },
  ];
  if (connection !== null && connection.previous_status !== status) {
    const { generation } = connection;
    const details = { by: 'refresh', status, generation };
    entries.push({ ...of, action: 'connection.recovered', actor: SYSTEM, details });
  }
  return {
    entries,
    event: {
      ...of,
      type: 'connection.refreshed',
      data: {
        connection_id: credential.connectionId,
        tenant: of.tenant,
        product: of.product,
        status,
        credential_id: credential.id,
        credential_version: version,
        expires_at: verified.expiresAt,
        ...lost,
      },
    },
  };
}
