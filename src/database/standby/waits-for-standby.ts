import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  SetMetadata,
  UseInterceptors,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Database } from '../database.ts';
import { UnconfirmedEndings } from './unconfirmed-endings.ts';

/** Metadata key: whether the handler ends something permanently, so that it may be carried out again. */
export const WAITS_FOR_STANDBY = 'metavault:waits-for-standby';

interface StandbyWait {
  /** Carried out again if a failover undid it. Only for endings that are final and safe to repeat. */
  isEnding: boolean;
}

/** Holds back the response until a standby has what the handler committed, and reports in `Durability` what has it. */
@Injectable()
class StandbyInterceptor implements NestInterceptor {
  constructor(
    private readonly database: Database,
    private readonly endings: UnconfirmedEndings,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return from(this.confirm(context, next));
  }

  private async confirm(context: ExecutionContext, next: CallHandler): Promise<unknown> {
    const handle = (): Promise<unknown> => lastValueFrom(next.handle(), { defaultValue: undefined });
    const { result, confirmation } = await this.database.standby.confirm(handle);
    context.switchToHttp().getResponse<FastifyReply>().header('durability', confirmation.durability);
    const { isEnding } = this.reflector.get<StandbyWait>(WAITS_FOR_STANDBY, context.getHandler());
    if (isEnding) this.endings.add(confirmation, handle);
    return result;
  }
}

/** For handlers whose effect must survive a failover (docs/api.md#failover). */
export const WaitsForStandby = (options: StandbyWait): MethodDecorator =>
  applyDecorators(SetMetadata(WAITS_FOR_STANDBY, options), UseInterceptors(StandbyInterceptor));
