import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { RawDoor, RawRequest } from '../platform/http-server/raw-http-handler.ts';
import { GatewayCalls } from './gateway.service.ts';
import { LeaseWatch } from './lease-monitor.ts';
import { GATEWAY_PREFIXES } from './request/gateway-path.ts';
import { UsageRecord } from './usage-recorder.ts';

/** What may follow: the end of the path is not always there. */
const ENDS = new Set(['', '/', '?']);

/** Where Graph calls come in, beside Nest's routes and not through them: bodies stay streams, and errors have Meta's shape. */
@Injectable()
export class GatewayDoor implements RawDoor, OnApplicationShutdown {
  constructor(
    @Inject(GatewayCalls) private readonly calls: GatewayCalls,
    @Inject(UsageRecord) private readonly usage: UsageRecord,
    @Inject(LeaseWatch) private readonly watch: LeaseWatch,
  ) {}

  routeOf(target: string): string | null {
    const [prefix] =
      GATEWAY_PREFIXES.find(([start]) => target.startsWith(start) && ENDS.has(target.charAt(start.length))) ?? [];
    return prefix === undefined ? null : `${prefix}/*`;
  }

  handle(request: IncomingMessage, response: ServerResponse, source: RawRequest): Promise<string | undefined> {
    return this.calls.handle(request, response, source);
  }

  async onApplicationShutdown(): Promise<void> {
    this.watch.close();
    await this.usage.flush();
  }
}
