import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { AuditAction } from '../audit/audit-action.ts';
import { AuditLog, SYSTEM } from '../audit/audit-log.ts';
import { isApiKeyCandidate } from '../auth/credentials/api-key.ts';
import { KeyHasher } from '../auth/credentials/key-hasher.ts';
import { Config } from '../config/config.ts';
import { Database, type Transaction } from '../database/database.ts';
import { Clock } from '../platform/clock.ts';
import { LOGGER, type Pino } from '../platform/logger.ts';
import { DEFAULT_MAX_TTL_SECONDS, insertClient } from './clients.service.ts';

/** The first ULID there is: the bootstrap admin is one row whoever makes it, so that replicas which start together can't make two. */
export const BOOTSTRAP_CLIENT_ID = `cli_${'0'.repeat(26)}`;

/**
 * Makes sure at the start that the admin client `bootstrap` exists and has the key of `BOOTSTRAP_ADMIN_KEY`. When the variable
 * changed, the new key replaces every key of this client. Without the variable nothing is changed: a replica that is started
 * without it must not lock the operators out.
 */
@Injectable()
export class BootstrapAdmin implements OnModuleInit {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly hasher: KeyHasher,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Pino,
  ) {}

  async onModuleInit(): Promise<void> {
    const key = this.config.bootstrapAdminKey?.expose();
    if (key === undefined) return;
    if (!isApiKeyCandidate(key)) {
      throw new Error(
        'BOOTSTRAP_ADMIN_KEY looks like a key that this service made (mtv_…), but is damaged: take another one.',
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
      this.logger.info({ client_id: BOOTSTRAP_CLIENT_ID }, 'the bootstrap admin has the key of BOOTSTRAP_ADMIN_KEY');
  }

  private async ensureClient(tx: Transaction): Promise<void> {
    const inserted = await insertClient(tx, {
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
      created_at: this.clock.now(),
    });
    // This UPDATE also locks the row, whatever it changes: the keys below are looked at by one start at a time.
    await tx.run({ text: 'UPDATE client SET deleted_at = NULL WHERE id = $1', values: [BOOTSTRAP_CLIENT_ID] });
    if (inserted === 1) await this.record(tx, 'client.created', { name: 'bootstrap', role: 'admin' });
  }

  /** Whether anything had to be changed. */
  private async ensureKey(tx: Transaction, hash: Buffer): Promise<boolean> {
    const values = [hash, BOOTSTRAP_CLIENT_ID];
    const text = 'SELECT 1 FROM client_key WHERE hash = $1 AND client_id = $2 AND expires_at IS NULL';
    if ((await tx.rows({ text, values })).length === 1) return false;
    const replaced = await tx.run({
      text: 'DELETE FROM client_key WHERE client_id = $1',
      values: [BOOTSTRAP_CLIENT_ID],
    });
    await tx.run({
      text: 'INSERT INTO client_key (hash, client_id, created_at, expires_at) VALUES ($1, $2, $3, NULL)',
      values: [...values, this.clock.now()],
    });
    await this.record(tx, 'client.key_issued', { source: 'BOOTSTRAP_ADMIN_KEY', keys_replaced: replaced });
    return true;
  }

  private record(tx: Transaction, action: AuditAction, details: Record<string, unknown>): Promise<void> {
    return this.audit.record(tx, { action, actor: SYSTEM, subjectId: BOOTSTRAP_CLIENT_ID, details });
  }
}
