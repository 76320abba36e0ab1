import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { RawHttpHandler, RawRequestCaller, RawRequestContext } from '../platform/http-server/raw-http-handler.ts';
import { GatewayService } from './gateway.service.ts';
import { LeaseMonitor } from './lease-monitor.ts';
import { GATEWAY_PREFIXES } from './request/gateway-path.ts';
import { UsageRecorder } from './usage-recorder.ts';

/** What may follow a prefix. */
const PREFIX_TERMINATORS = new Set(['', '/', '?']);

/** For OPTIONS without a lease, such as a browser's preflight; with one it is a call like any other. */
const ALLOW = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';

/** Takes Graph calls before Nest's routes do: bodies stay streams, and errors have Meta's shape. */
@Injectable()
export class GatewayHttpHandler implements RawHttpHandler, OnApplicationShutdown {
  constructor(
    @Inject(GatewayService) private readonly gateway: GatewayService,
    @Inject(UsageRecorder) private readonly usage: UsageRecorder,
    @Inject(LeaseMonitor) private readonly monitor: LeaseMonitor,
  ) {}

  routeOf(target: string): string | null {
    const [prefix] =
      GATEWAY_PREFIXES.find(
        ([start]) => target.startsWith(start) && PREFIX_TERMINATORS.has(target.charAt(start.length)),
      ) ?? [];
    return prefix === undefined ? null : `${prefix}/*`;
  }

  handle(
    request: IncomingMessage,
    response: ServerResponse,
    source: RawRequestContext,
  ): Promise<RawRequestCaller | undefined> {
    if (request.method === 'OPTIONS' && request.headers.authorization === undefined) {
      response.writeHead(204, [...source.headers, 'allow', ALLOW]).end();
      return Promise.resolve(undefined);
    }
    return this.gateway.handle(request, response, source);
  }

  refuseSlowBody(request: IncomingMessage, response: ServerResponse, source: RawRequestContext): void {
    this.gateway.refuseSlowBody(request, response, source);
  }

  async onApplicationShutdown(): Promise<void> {
    this.monitor.close();
    await this.usage.flush();
  }
}
