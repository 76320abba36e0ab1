import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { RawDoor, RawRequest } from '../platform/raw-door.ts';
import { GatewayCalls } from './gateway-calls.ts';
import { LeaseWatch } from './lease-watch.ts';
import { UsageRecord } from './usage-record.ts';

/** What a path begins with, and the pattern that it is counted under. */
const ROUTES: readonly (readonly [string, string])[] = [
  ['/graph', '/graph/*'],
  ['/graph-video', '/graph-video/*'],
  ['/rupload', '/rupload/*'],
];
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
    for (const [prefix, route] of ROUTES) {
      if (target.startsWith(prefix) && ENDS.has(target.charAt(prefix.length))) return route;
    }
    return null;
  }

  handle(request: IncomingMessage, response: ServerResponse, source: RawRequest): Promise<string | undefined> {
    return this.calls.handle(request, response, source);
  }

  async onApplicationShutdown(): Promise<void> {
    this.watch.close();
    await this.usage.flush();
  }
}
