import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { SYSTEM } from '../audit/actor.ts';
import type { AuditAction } from '../audit/audit-action.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { insertClient, lockClient, setClientDeleted, updateClient } from '../auth/client.repository.ts';
import { deleteClientKeys, hasPermanentKey, insertClientKey } from '../auth/client-key.repository.ts';
import { CLIENT_MAC } from '../auth/client-macs.ts';
import type { ClientRow } from '../auth/client-row.ts';
import { isApiKeyCandidate } from '../auth/credentials/api-key.ts';
import { KeyHasher } from '../auth/credentials/key-hasher.ts';
import type { ClientId } from '../auth/ids.ts';
import { Config } from '../config/config.ts';
import { Database, type Transaction } from '../database/database.ts';
import { RowMacs } from '../database/row-macs.ts';
import { Clock } from '../platform/clock.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { DEFAULT_MAX_TTL_SECONDS } from './clients.service.ts';

/** The smallest ULID. Fixed, so that replicas starting together can't create two bootstrap admins. */
export const BOOTSTRAP_CLIENT_ID: ClientId = `cli_${'0'.repeat(26)}`;

/**
 * Ensures at startup that the admin client `bootstrap` exists and has the key in `BOOTSTRAP_ADMIN_KEY`, which replaces
 * all of its other keys. Does nothing if the variable is not set, so that a replica started without it doesn't lock out
 * the operators.
 */
@Injectable()
export class BootstrapAdmin implements OnModuleInit {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly hasher: KeyHasher,
    private readonly audit: AuditLog,
    private readonly macs: RowMacs,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  async onModuleInit(): Promise<void> {
    const key = this.config.bootstrapAdminKey?.expose();
    if (key === undefined) return;
    if (!isApiKeyCandidate(key)) {
      throw new Error(
        'BOOTSTRAP_ADMIN_KEY looks like a generated key (mtv_…) but its checksum is wrong: correct it or set another one.',
      );
    }
    await this.ensure(this.hasher.blindIndex(key));
  }

  private async ensure(hash: Buffer): Promise<void> {
    const changed = await this.database.transaction(async (tx) => {
      await this.ensureClient(tx);
      return this.ensureKey(tx, hash);
    });
    if (changed)
      this.logger.info({ client_id: BOOTSTRAP_CLIENT_ID }, 'set the key of the bootstrap admin to BOOTSTRAP_ADMIN_KEY');
  }

  /** Undeletes a deleted bootstrap admin, and replaces one whose MAC doesn't verify. */
  private async ensureClient(tx: Transaction): Promise<void> {
    const created = this.newClient();
    const inserted = await insertClient(tx, this.macs, created);
    // Locked in any state, so that one replica at a time checks the keys below.
    const stored = await lockClient(tx, BOOTSTRAP_CLIENT_ID);
    const isForged = stored === null || !this.macs.verify(CLIENT_MAC, stored);
    if (isForged) await updateClient(tx, this.macs, created);
    else if (stored.deleted_at !== null) await setClientDeleted(tx, this.macs, stored, null);
    if (!inserted && !isForged) return;
    await this.record(tx, 'client.created', {
      name: created.name,
      role: created.role,
      ...(inserted ? {} : { replaces: 'refused row' }),
    });
  }

  private newClient(): ClientRow {
    return {
      id: BOOTSTRAP_CLIENT_ID,
      name: 'bootstrap',
      role: 'admin',
      tenants: ['*'],
      products: ['*'],
      lease_modes: ['gateway'],
      max_ttl_seconds: DEFAULT_MAX_TTL_SECONDS,
      rate_limit_per_second: null,
      allow: null,
      ip_allow_list: null,
      policy_version: 1,
      created_at: this.clock.now(),
    };
  }

  /** Returns whether anything changed. */
  private async ensureKey(tx: Transaction, hash: Buffer): Promise<boolean> {
    if (await hasPermanentKey(tx, this.macs, BOOTSTRAP_CLIENT_ID, hash)) return false;
    const replaced = await deleteClientKeys(tx, BOOTSTRAP_CLIENT_ID);
    await insertClientKey(tx, this.macs, {
      hash,
      clientId: BOOTSTRAP_CLIENT_ID,
      createdAt: this.clock.now(),
      expiresAt: null,
    });
    await this.record(tx, 'client.key_issued', { source: 'BOOTSTRAP_ADMIN_KEY', keys_replaced: replaced });
    return true;
  }

  private record(tx: Transaction, action: AuditAction, details: Record<string, unknown>): Promise<void> {
    return this.audit.record(tx, { action, actor: SYSTEM, subjectId: BOOTSTRAP_CLIENT_ID, details });
  }
}
