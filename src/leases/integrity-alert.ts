import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Counter, Registry } from 'prom-client';
import { SYSTEM } from '../audit/actor.ts';
import { AuditLog } from '../audit/audit-log.ts';
import type { ConnectionId, CredentialId } from '../connections/ids.ts';
import { Database } from '../database/database.ts';
import { cacheSize } from '../platform/cache-size.ts';
import { Clock } from '../platform/clock.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import type { DecryptionError } from '../vault/sealed-secret.ts';
import type { LeaseId } from './ids.ts';

interface UnreadableCredential {
  leaseId: LeaseId;
  tenant: string;
  product: string;
  connectionId: ConnectionId;
  credentialId: CredentialId;
}

const REPORT_INTERVAL_MS = 60_000;
const MAX_REMEMBERED_CREDENTIALS = 1_000;

/**
 * Reports sealed tokens that fail to decrypt: in a metric every time, in audit log and log once a minute per
 * credential.
 */
@Injectable()
export class IntegrityAlert {
  readonly #reportedAtMs = new LRUCache<string, number>(cacheSize(MAX_REMEMBERED_CREDENTIALS));
  readonly #count: Counter;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Pino,
    registry: Registry,
  ) {
    this.#count = new Counter({
      name: 'metavault_unreadable_credentials_total',
      help: 'Sealed tokens that failed to decrypt when needed: changed, moved, or sealed under a lost key',
      registers: [registry],
    });
  }

  /** Never throws: the request is refused either way. */
  async raise(credential: UnreadableCredential, cause: DecryptionError): Promise<void> {
    this.#count.inc();
    if (!this.isDue(credential.credentialId)) return;
    const { leaseId, tenant, product, connectionId, credentialId } = credential;
    this.logger.error({ err: cause, connection_id: connectionId, credential_id: credentialId }, cause.message);
    try {
      await this.audit.record(this.database, {
        action: 'credential.seal_broken',
        actor: SYSTEM,
        tenant,
        product,
        connectionId,
        subjectId: credentialId,
        details: { secret_id: cause.secretId, lease_id: leaseId },
      });
    } catch (error) {
      this.logger.error({ err: error, credential_id: credentialId }, 'failed to record a decryption failure');
    }
  }

  private isDue(credentialId: CredentialId): boolean {
    const nowMs = this.clock.now().getTime();
    const reportedAtMs = this.#reportedAtMs.get(credentialId);
    if (reportedAtMs !== undefined && nowMs - reportedAtMs < REPORT_INTERVAL_MS) return false;
    this.#reportedAtMs.set(credentialId, nowMs);
    return true;
  }
}
