import { Injectable } from '@nestjs/common';
import { type Actor } from '../../audit/actor.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import { Database } from '../../database/database.ts';
import { isId } from '../../platform/ids.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import { RootKeyUnavailableError } from '../root-keys/root-key.ts';
import { KekRepository, type KekRow } from './kek.repository.ts';
import { KeyRewrap, type RewrapProgress } from './key-rewrap.ts';
import { KeyRing, type RotatedKek, WrongRootKeyError } from './key-ring.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    key_in_use: true;
    key_not_found: true;
    root_key_replaced: true;
    root_key_unavailable: true;
  }
}

export const keyNotFound = defineProblem(
  'key_not_found',
  404,
  'No key-encryption key has this id.',
  'Check the id; GET /v1/keys lists all keys.',
);
export const keyInUse = defineProblem(
  'key_in_use',
  409,
  'This key is still in use.',
  'If it is active, rotate first. Then POST /v1/keys/rewrap, and delete it when GET /v1/keys shows 0 data_keys for it.',
);
export const rootKeyUnavailable = defineProblem(
  'root_key_unavailable',
  503,
  'The root key is unavailable, so no key can be created.',
  'Nothing was changed and leases keep working. Fix the cause in detail, then retry.',
);
export const rootKeyReplaced = defineProblem(
  'root_key_replaced',
  409,
  'The key ring has moved to another root key since this replica started.',
  'Nothing was changed. Restart replicas that still use the old root key, then retry.',
);

const RETRY_AFTER_SECONDS = 10;

/** Rotates, rewraps and retires KEKs, each with an audit entry in the same transaction. */
@Injectable()
export class KeyAdministrationService {
  constructor(
    private readonly database: Database,
    private readonly ring: KeyRing,
    private readonly kekRepository: KekRepository,
    private readonly rewrap: KeyRewrap,
    private readonly audit: AuditLog,
  ) {}

  /** Returns up to `limit` + 1 KEKs after the id `after`, oldest first, as `toPage` expects. */
  list(limit: number, after: string | null): Promise<KekRow[]> {
    return this.kekRepository.list(limit, after);
  }

  /** Throws 404 `key_not_found`. */
  async get(id: string): Promise<KekRow> {
    const row = isId(id, 'kek') ? await this.kekRepository.find(id) : null;
    if (row === null) throw new AppError(keyNotFound);
    return row;
  }

  /** Creates a new active KEK. Throws 503 `root_key_unavailable`, 409 `root_key_replaced`. */
  async rotate(actor: Actor, requestId: string | null = null): Promise<RotatedKek> {
    try {
      return await this.ring.rotate((tx, { id, replacedId }) =>
        this.audit.record(tx, {
          action: 'key.rotated',
          actor,
          subjectId: id,
          requestId,
          details: { replaced_key_id: replacedId },
        }),
      );
    } catch (error) {
      if (error instanceof WrongRootKeyError) throw new AppError(rootKeyReplaced, { cause: error });
      if (!(error instanceof RootKeyUnavailableError)) throw error;
      const occurrence = { detail: error.message, retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error };
      throw new AppError(rootKeyUnavailable, occurrence);
    }
  }

  /** Starts moving all data keys to the active KEK, unless already running. Returns the progress. */
  async requestRewrap(actor: Actor, requestId: string | null = null): Promise<RewrapProgress> {
    await this.database.transaction(async (tx) => {
      if (!(await this.rewrap.request(tx))) return;
      const { total } = await this.rewrap.progress(tx);
      await this.audit.record(tx, { action: 'key.rewrap_requested', actor, requestId, details: { data_keys: total } });
    });
    return this.rewrap.progress();
  }

  rewrapProgress(): Promise<RewrapProgress> {
    return this.rewrap.progress();
  }

  /** Destroys an unused KEK; idempotent. Throws 404 `key_not_found`, 409 `key_in_use`. */
  async retire(actor: Actor, id: string, requestId: string | null = null): Promise<void> {
    if (!isId(id, 'kek')) throw new AppError(keyNotFound);
    const result = await this.kekRepository.retire(
      id,
      (tx) => this.audit.record(tx, { action: 'key.retired', actor, subjectId: id, requestId }),
      { isRevived: this.ring.revivedKeys.includes(id) },
    );
    if (result.outcome === 'unknown') throw new AppError(keyNotFound);
    if (result.outcome === 'active') {
      throw new AppError(keyInUse, { detail: 'This is the active key, which wraps new data keys.' });
    }
    if (result.outcome === 'in_use') {
      throw new AppError(keyInUse, { detail: `This key still wraps ${result.dataKeys} data keys.` });
    }
  }
}
