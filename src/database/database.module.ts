import { Global, Module } from '@nestjs/common';
import { RetentionService } from './retention.service.ts';

@Global()
@Module({ providers: [RetentionService], exports: [RetentionService] })
export class DatabaseModule {}
