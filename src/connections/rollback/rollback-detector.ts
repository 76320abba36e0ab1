import { Injectable } from '@nestjs/common';
import { SYSTEM } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { ChainMac } from '../../audit/chain/chain-mac.ts';
import type { AuditEntryId } from '../../audit/ids.ts';
import { readConnectionStates, readCredentialVersions } from '../../audit/recorded-states.query.ts';
import { Batcher } from '../../database/batcher.ts';
import { Database } from '../../database/database.ts';
import { IntegrityFailures } from '../../database/integrity-failures.ts';
import { placeOf } from '../connection-place.ts';
import { findCredential } from '../credentials/credential-snapshot.repository.ts';
import { type ClaimedCredential, isClaimed } from '../credentials/credential-snapshot.ts';
import { RENEWAL_BATCH } from '../credentials/renewal-batches.ts';
import type { ConnectionId, CredentialId } from '../ids.ts';
import { ConnectionRevoker } from '../revocation/connection-revoker.ts';
import { CredentialResealer } from './credential-resealer.ts';
import { findCountedConnections, updateGeneration } from './rollback-check.repository.ts';
import { confirmConnectionRollback, confirmCredentialRollback } from './rollback-confirmation.ts';
import { judgeConnection, newestRecordedVersion } from './rollback-rules.ts';

/** What was found before working on credentials. */
export interface RollbackFinds {
  /**
   * The claimed credentials in their current state and original order, without those of connections found to be
   * revoked.
   */
  credentials: ClaimedCredential[];
  /** Credentials that were rolled back, or whose connection was: Meta must confirm their tokens. */
  suspects: ReadonlySet<CredentialId>;
}

/**
 * Compares rows of connections and credentials with the audit record, which can't be forged without its key, so that a
 * restored old row is noticed the next time it is worked on. Each finding is logged, counted, and audited once, since
 * the row then gets a count never used before.
 */
@Injectable()
export class RollbackDetector {
  readonly #batches = new Batcher<ClaimedCredential, RollbackFinds | null>(
    (claimed) => this.examineEach(claimed),
    RENEWAL_BATCH,
  );

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly mac: ChainMac,
    private readonly integrity: IntegrityFailures,
    private readonly revoker: ConnectionRevoker,
    private readonly resealer: CredentialResealer,
  ) {}

  /** Like `examine`, for one of many that are worked on at the same time, which share statements. */
  async examineOne(claimed: ClaimedCredential): Promise<RollbackFinds> {
    return (await this.#batches.submit(claimed)) ?? (await this.examine([claimed]));
  }

  /** Null for all if one cannot be examined, so that it fails alone. */
  private async examineEach(claimed: readonly ClaimedCredential[]): Promise<(RollbackFinds | null)[]> {
    const finds = await this.examine(claimed).catch(() => null);
    const current = new Map(finds?.credentials.map((credential) => [credential.claimId + credential.id, credential]));
    return claimed.map(({ id, claimId }) => {
      const own = current.get(claimId + id);
      return finds === null ? null : { credentials: own === undefined ? [] : [own], suspects: finds.suspects };
    });
  }

  /** Examines claimed credentials and their connections with three statements, regardless of their number. */
  async examine(claimed: readonly ClaimedCredential[]): Promise<RollbackFinds> {
    const found = await this.findRolledBackConnections(claimed);
    const live = claimed.filter(({ connectionId }) => found.get(connectionId) !== 'ended');
    const rolledBack = await this.findRolledBackCredentials(live);
    const suspects = live.filter(({ id, connectionId }) => rolledBack.has(id) || found.has(connectionId));
    const credentials: ClaimedCredential[] = [];
    for (const one of live) {
      const current = rolledBack.has(one.id) ? await findCredential(this.database, one.id) : one;
      // If our claim is gone, it is another replica's work now.
      if (current !== null && isClaimed(current) && current.claimId === one.claimId) credentials.push(current);
    }
    return { credentials, suspects: new Set(suspects.map(({ id }) => id)) };
  }

  private async findRolledBackConnections(
    claimed: readonly ClaimedCredential[],
  ): Promise<Map<ConnectionId, 'rolled_back' | 'ended'>> {
    const byConnection = new Map(claimed.map((credential) => [credential.connectionId, credential]));
    const ids = [...byConnection.keys()];
    const [connections, { byObject, forgedIds }] = await Promise.all([
      findCountedConnections(this.database, ids),
      readConnectionStates(this.database, this.mac, ids),
    ]);
    this.reportForged(forgedIds);
    const found = new Map<ConnectionId, 'rolled_back' | 'ended'>();
    for (const connection of connections) {
      const of = byConnection.get(connection.id);
      if (of === undefined || judgeConnection(connection, byObject.get(connection.id) ?? []).kind === 'consistent')
        continue;
      const kind = await this.reportConnection(of);
      if (kind !== 'consistent') found.set(connection.id, kind);
    }
    return found;
  }

  private async findRolledBackCredentials(claimed: readonly ClaimedCredential[]): Promise<Set<CredentialId>> {
    const ids = claimed.map(({ id }) => id);
    const { byObject, forgedIds } = await readCredentialVersions(this.database, this.mac, ids);
    this.reportForged(forgedIds);
    const found = new Set<CredentialId>();
    for (const credential of claimed) {
      const recorded = newestRecordedVersion(byObject.get(credential.id) ?? []);
      if (recorded === null || credential.version >= recorded) continue;
      if (await this.reportCredential(credential)) found.add(credential.id);
    }
    return found;
  }

  private async reportConnection(of: ClaimedCredential): Promise<'consistent' | 'rolled_back' | 'ended'> {
    const { connectionId } = of;
    const confirmed = await this.database.transaction(async (tx) => {
      const rollback = await confirmConnectionRollback(tx, this.mac, connectionId);
      if (rollback === null) return null;
      const { row, recorded, isEnded } = rollback;
      const generation = isEnded ? row.generation : Math.max(row.generation, recorded.generation ?? 0) + 1;
      if (!isEnded) await updateGeneration(tx, connectionId, generation);
      const details = {
        status: row.status,
        generation,
        found_generation: row.generation,
        recorded_status: recorded.status,
        recorded_generation: recorded.generation,
      };
      const entry = { actor: SYSTEM, subjectId: connectionId, details };
      await this.audit.record(tx, { ...placeOf(of), action: 'connection.rollback_detected', ...entry });
      return { isEnded, details };
    });
    if (confirmed === null) return 'consistent';
    const facts = { connection_id: connectionId, ...confirmed.details };
    this.integrity.tampered('connection', 'a connection was rolled back', facts);
    if (!confirmed.isEnded) return 'rolled_back';
    await this.revoker.revoke(connectionId, { actor: SYSTEM, requestId: null, reason: 'rollback_detected' });
    return 'ended';
  }

  private async reportCredential(of: ClaimedCredential): Promise<boolean> {
    const details = await this.database.transaction(async (tx) => {
      const rollback = await confirmCredentialRollback(tx, this.mac, of.id);
      const row = rollback === null ? null : await findCredential(tx, of.id);
      if (rollback === null || row === null) return null;
      const version = await this.resealer.reseal(tx, row, rollback.recordedVersion);
      const found = { version, found_version: rollback.version, recorded_version: rollback.recordedVersion };
      const entry = { actor: SYSTEM, subjectId: of.id, details: found };
      await this.audit.record(tx, { ...placeOf(of), action: 'credential.rollback_detected', ...entry });
      return found;
    });
    if (details === null) return false;
    const facts = { credential_id: of.id, connection_id: of.connectionId, ...details };
    this.integrity.tampered('credential', 'a credential was rolled back', facts);
    return true;
  }

  private reportForged(ids: readonly AuditEntryId[]): void {
    for (const id of ids)
      this.integrity.tampered('audit_entry', 'an audit entry was not written by this service', { entry_id: id });
  }
}
