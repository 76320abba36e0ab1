import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { RetentionService } from '../database/retention.service.ts';
import { IdempotencyService } from './idempotency.service.ts';

/** `Idempotency-Key` of requests that create something. Global, because several modules have such routes. */
@Global()
@Module({ providers: [IdempotencyService], exports: [IdempotencyService] })
export class IdempotencyModule implements OnModuleInit {
  constructor(
    private readonly retention: RetentionService,
    private readonly idempotency: IdempotencyService,
  ) {}

  onModuleInit(): void {
    this.retention.register('idempotency keys', (_, limit) => this.idempotency.removeExpired(limit));
  }
}
