import { Injectable } from '@nestjs/common';
import { KeyHasher } from '../auth/credentials/key-hasher.ts';
import { Config } from '../config/config.ts';
import { Database, type RunInTransaction, type Transaction } from '../database/database.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { DAY_SECONDS } from '../platform/duration.ts';
import { AppError } from '../platform/problem.ts';
import { Vault } from '../vault/vault.ts';
import {
  abandonIdempotencyKey,
  claimIdempotencyKey,
  deleteIdempotencyKey,
  deleteIdempotencyKeys,
  findIdempotencyKey,
  type IdempotencyKeyRow,
  type IdempotentRequest,
  insertIdempotencyKey,
  setIdempotencyAnswer,
  setIdempotencyResource,
} from './idempotency-key.repository.ts';
import { idempotencyKeyInUse, idempotencyKeyReused } from './idempotency-problems.ts';
import { canonicalJson, type IdempotentCall } from './idempotent-call.ts';
import { type CreatedAnswer, openAnswer, sealAnswer } from './sealed-answer.ts';

const LIFETIME_SECONDS = DAY_SECONDS;
const MAX_RETRY_AFTER_SECONDS = 5;

/**
 * Answers 201 with `Location`, and repeats of a request with the same `Idempotency-Key` within 24 hours with the first
 * answer (draft-ietf-httpapi-idempotency-key-header). Errors are not kept: nothing was created, so a repeat may
 * succeed.
 */
@Injectable()
export class IdempotencyService {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly hasher: KeyHasher,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /**
   * For what one transaction creates: key and sealed answer commit with it, so a crash leaves all or nothing. `make`
   * must run its transaction with the given function. Concurrent requests with the same key wait for the first. Throws
   * 409 `idempotency_key_reused` for another body.
   */
  async create<T, B>(
    call: IdempotentCall,
    make: (transact: RunInTransaction<T>) => Promise<T>,
    toAnswer: (made: T) => CreatedAnswer<B>,
  ): Promise<B> {
    const request = this.requestOf(call);
    if (request === null) return respond(call, toAnswer(await make((work) => this.database.transaction(work))));
    const earlier = await this.findAnswer<B>(request);
    if (earlier !== null) return respondAgain(call, earlier);
    const transact: RunInTransaction<T> = (work) =>
      this.database.transaction(async (tx) => {
        if (!(await insertIdempotencyKey(tx, request))) throw new KeyTakenError();
        const made = await work(tx);
        const secretId = await sealAnswer(this.vault, tx, request, toAnswer(made));
        await setIdempotencyAnswer(tx, request.keyHash, secretId);
        return made;
      });
    try {
      return respond(call, toAnswer(await make(transact)));
    } catch (error) {
      if (!(error instanceof KeyTakenError)) throw error;
    }
    const concurrent = await this.findAnswer<B>(request);
    if (concurrent === null) throw this.inUse(null);
    return respondAgain(call, concurrent);
  }

  /**
   * For requests that call Meta and must be safe to repeat. `make` returns the id of what it created and passes it to
   * `onMade` in the creating transaction; only this id is kept, and repeats return the resource in its current state.
   * Throws 409 `idempotency_key_in_use` while the first request runs (after a crash, for at most CLAIM_SECONDS).
   */
  async createByMeta<I extends string, B>(
    call: IdempotentCall,
    make: (onMade: (tx: Transaction, id: I) => Promise<void>) => Promise<I>,
    show: (id: I) => Promise<CreatedAnswer<B>>,
  ): Promise<B> {
    const request = this.requestOf(call);
    if (request === null) return respond(call, await show(await make(async () => {})));
    const runningUntil = addSeconds(request.at, this.config.claimSeconds);
    const earlier = await this.find(request);
    if (earlier !== null && earlier.resource_id !== null)
      return respondAgain(call, await show(earlier.resource_id as I));
    if (!(await claimIdempotencyKey(this.database, request, runningUntil))) {
      const running = await this.find(request);
      if (running === null || running.resource_id === null) throw this.inUse(running?.running_until ?? null);
      return respondAgain(call, await show(running.resource_id as I));
    }
    try {
      const id = await make((tx, made) => setIdempotencyResource(tx, request, made));
      return respond(call, await show(id));
    } catch (error) {
      // If the database is down, the claim expires by itself.
      await abandonIdempotencyKey(this.database, request.keyHash).catch(() => {});
      throw error;
    }
  }

  /** Removes up to `limit` expired keys. Returns how many. */
  removeExpired(limit: number): Promise<number> {
    const before = addSeconds(this.clock.now(), -LIFETIME_SECONDS);
    return this.database.transaction(async (tx) => {
      const { removed, secretIds } = await deleteIdempotencyKeys(tx, before, limit);
      await this.vault.destroy(tx, secretIds);
      return removed;
    });
  }

  private requestOf({ key, clientId, path, body }: IdempotentCall): IdempotentRequest | null {
    if (key === null) return null;
    return {
      keyHash: this.hasher.blindIndex(JSON.stringify(['idempotency key', clientId, path, key])),
      // Keyed, because a body may hold a token.
      bodyHash: this.hasher.blindIndex(`idempotency body ${canonicalJson(body)}`),
      clientId,
      at: this.clock.now(),
    };
  }

  private async findAnswer<B>(request: IdempotentRequest): Promise<CreatedAnswer<B> | null> {
    const row = await this.find(request);
    return row === null ? null : openAnswer<B>(this.vault, request, row);
  }

  /** Throws 409 `idempotency_key_reused` if the stored body differs. */
  private async find(request: IdempotentRequest): Promise<IdempotencyKeyRow | null> {
    const row = await findIdempotencyKey(this.database, request.keyHash);
    if (row === null) return null;
    const before = addSeconds(request.at, -LIFETIME_SECONDS);
    if (row.created_at <= before) {
      await this.database.transaction(async (tx) =>
        this.vault.destroy(tx, await deleteIdempotencyKey(tx, request.keyHash, before)),
      );
      return null;
    }
    if (!row.body_hash.equals(request.bodyHash)) throw new AppError(idempotencyKeyReused);
    return row;
  }

  private inUse(runningUntil: Date | null): AppError {
    const seconds = runningUntil === null ? 1 : (runningUntil.getTime() - this.clock.now().getTime()) / 1000;
    return new AppError(idempotencyKeyInUse, { retryAfterSeconds: Math.min(seconds, MAX_RETRY_AFTER_SECONDS) });
  }
}

/** Rolls back, because another request with this key was faster. */
class KeyTakenError extends Error {
  constructor() {
    super('another request with this Idempotency-Key was faster');
    this.name = 'KeyTakenError';
  }
}

function respond<B>({ reply }: IdempotentCall, { location, body }: CreatedAnswer<B>): B {
  reply.header('location', location);
  return body;
}

function respondAgain<B>(call: IdempotentCall, answer: CreatedAnswer<B>): B {
  call.reply.header('idempotency-replayed', 'true');
  return respond(call, answer);
}
