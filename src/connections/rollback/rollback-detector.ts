import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { ChainMac } from '../../audit/chain/chain-mac.ts';
import type { AuditEntryId } from '../../audit/ids.ts';
import { readConnectionStates, readCredentialVersions } from '../../audit/recorded-states.query.ts';
import { Database } from '../../database/database.ts';
import { IntegrityFailures } from '../../database/integrity-failures.ts';
import { placeOf } from '../connection-place.ts';
import type { CredentialSnapshot } from '../credentials/credential-snapshot.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { ConnectionRevoker } from '../revocation/connection-revoker.ts';
import { findCountedConnections } from './rollback-check.repository.ts';
import { confirmConnectionRollback, confirmCredentialRollback } from './rollback-confirmation.ts';
import { judgeConnection, newestRecordedVersion } from './rollback-rules.ts';

/** What was found before work on credentials. */
export interface RollbackFinds {
  /** Rows that had been set back, of the credential or of its connection: Meta has to say what their tokens are good for. */
  suspects: ReadonlySet<CredentialId>;
  /** Connections that had been revoked and lived again; they are revoked again. */
  endedConnections: ReadonlySet<ConnectionId>;
}

type Credential = Pick<CredentialSnapshot, 'id' | 'version' | 'connectionId' | 'tenant' | 'product'>;

/**
 * Holds rows of connections and credentials against the audit record, which nobody without its key can write: whoever put an earlier row
 * back is noticed at the next work on it. Each find is in log, metric and record, once; after that the row counts as it is.
 */
@Injectable()
export class RollbackDetector {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly mac: ChainMac,
    private readonly integrity: IntegrityFailures,
    private readonly revoker: ConnectionRevoker,
  ) {}

  /** Examines credentials and their connections, before work on them: three statements, however many there are. */
  async examine(credentials: readonly Credential[]): Promise<RollbackFinds> {
    const byConnection = new Map(credentials.map((credential) => [credential.connectionId, credential]));
    const credentialIds = credentials.map(({ id }) => id);
    const [connections, states, versions] = await Promise.all([
      findCountedConnections(this.database, [...byConnection.keys()]),
      readConnectionStates(this.database, this.mac, [...byConnection.keys()]),
      readCredentialVersions(this.database, this.mac, credentialIds),
    ]);
    this.reportForged([...states.forgedIds, ...versions.forgedIds]);
    const suspects = new Set<CredentialId>();
    const endedConnections = new Set<ConnectionId>();
    for (const connection of connections) {
      const of = byConnection.get(connection.id);
      if (of === undefined) continue;
      if (judgeConnection(connection, states.byObject.get(connection.id) ?? []).kind === 'consistent') continue;
      const found = await this.reportConnection(of);
      if (found === 'ended') endedConnections.add(connection.id);
      if (found === 'consistent') continue;
      for (const { id, connectionId } of credentials) if (connectionId === connection.id) suspects.add(id);
    }
    for (const credential of credentials) {
      const recorded = newestRecordedVersion(versions.byObject.get(credential.id) ?? []);
      if (recorded === null || credential.version >= recorded) continue;
      if (await this.reportCredential(credential)) suspects.add(credential.id);
    }
    return { suspects, endedConnections };
  }

  private async reportConnection(of: Credential): Promise<'consistent' | 'rolled_back' | 'ended'> {
    const { connectionId } = of;
    const confirmed = await this.database.transaction(async (tx) => {
      const rollback = await confirmConnectionRollback(tx, this.mac, connectionId);
      if (rollback === null) return null;
      const { row, recorded } = rollback;
      const details = {
        status: row.status,
        generation: row.generation,
        recorded_status: recorded.status,
        recorded_generation: recorded.generation,
      };
      await this.audit.record(tx, {
        ...placeOf(of),
        action: 'connection.rollback_detected',
        actor: SYSTEM,
        subjectId: connectionId,
        details,
      });
      return { ...rollback, details };
    });
    if (confirmed === null) return 'consistent';
    this.integrity.tampered('connection', 'a connection was set back', {
      connection_id: connectionId,
      ...confirmed.details,
    });
    if (!confirmed.isEnded) return 'rolled_back';
    await this.revoker.revoke(connectionId, { actor: SYSTEM, requestId: null, reason: 'rollback_detected' });
    return 'ended';
  }

  private async reportCredential(of: Credential): Promise<boolean> {
    const details = await this.database.transaction(async (tx) => {
      const rollback = await confirmCredentialRollback(tx, this.mac, of.id);
      if (rollback === null) return null;
      const found = { version: rollback.version, recorded_version: rollback.recordedVersion };
      await this.audit.record(tx, {
        ...placeOf(of),
        action: 'credential.rollback_detected',
        actor: SYSTEM,
        subjectId: of.id,
        details: found,
      });
      return found;
    });
    if (details === null) return false;
    const facts = { credential_id: of.id, connection_id: of.connectionId, ...details };
    this.integrity.tampered('credential', 'a credential was set back', facts);
    return true;
  }

  private reportForged(ids: readonly AuditEntryId[]): void {
    for (const id of ids)
      this.integrity.tampered('audit_entry', 'an audit entry was not written by this service', { entry_id: id });
  }
}
