import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { HttpServer } from '../platform/fastify.ts';
import { GatewayCalls } from './gateway-calls.ts';
import { LeaseWatch } from './lease-watch.ts';
import { UsageRecord } from './usage-record.ts';

const METHODS: HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const PREFIXES = ['/graph', '/graph-video', '/rupload'];

/**
 * The gateway's routes. They stand beside Nest's, not in them: bodies stay streams, and errors have Meta's shape. Fastify gives the
 * request its id and counts its answer; from there on the gateway writes to the connection itself.
 */
@Injectable()
export class GatewayPlugin implements OnApplicationShutdown {
  constructor(
    @Inject(GatewayCalls) private readonly calls: GatewayCalls,
    @Inject(UsageRecord) private readonly usage: UsageRecord,
    @Inject(LeaseWatch) private readonly watch: LeaseWatch,
  ) {}

  /** To be called before the server is ready. */
  register(fastify: FastifyInstance, server: Pick<HttpServer, 'onBadUrl'>): void {
    const handler = (request: FastifyRequest, reply: FastifyReply): void => {
      const { raw } = reply;
      reply.hijack();
      raw.setHeader('x-content-type-options', 'nosniff');
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) raw.setHeader(name, value);
      }
      void this.calls.handle(request.raw, raw, { address: request.ip, requestId: String(request.id) });
    };
    for (const prefix of PREFIXES) {
      for (const url of [prefix, `${prefix}/*`]) {
        // Helmet is for pages; an answer of an API needs none of it but the one line below.
        const options = { config: { body: 'stream' }, helmet: false as const, exposeHeadRoute: false };
        fastify.route({ method: METHODS, url, handler, ...options });
      }
    }
    // A path that does not decode has no route, but is refused in Meta's shape like any other.
    server.onBadUrl((request, reply) => {
      if (!PREFIXES.some((prefix) => request.url.startsWith(`${prefix}/`))) return false;
      handler(request, reply);
      return true;
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.watch.close();
    await this.usage.flush();
  }
}
