import { createHash } from 'node:crypto';
import type http from 'node:http';
import { Registry } from 'prom-client';
import type { AuditLog, NewAuditEntry } from '../../src/audit/audit-log.ts';
import type { Refusal } from '../../src/auth/refusal.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { Database } from '../../src/database/database.ts';
import {
  ConcurrencyLimiter,
  type ConcurrencyLimits,
  DEFAULT_CONCURRENCY_LIMITS,
} from '../../src/gateway/concurrency-limiter.ts';
import { GatewayHttpHandler } from '../../src/gateway/gateway.http-handler.ts';
import { GatewayService } from '../../src/gateway/gateway.service.ts';
import { GatewayErrorWriter } from '../../src/gateway/gateway-error-writer.ts';
import { GatewayMetrics } from '../../src/gateway/gateway-metrics.ts';
import { LeaseMonitor } from '../../src/gateway/lease-monitor.ts';
import { CallPolicy } from '../../src/gateway/request/call-policy.ts';
import { GatewayRequestParser } from '../../src/gateway/request/gateway-request-parser.ts';
import { RegistrationGuard } from '../../src/gateway/request/registration-guard.ts';
import { ResponseObserver } from '../../src/gateway/response/response-observer.ts';
import { ResponseRelay } from '../../src/gateway/response/response-relay.ts';
import { UsageRecorder } from '../../src/gateway/usage-recorder.ts';
import type { GatewayGrant, GatewayLeaseVerifier } from '../../src/leases/gateway-lease-verifier.ts';
import type { ResponseToken, TokenReplacementService } from '../../src/leases/token-replacement.service.ts';
import type { SuspectedTokenService } from '../../src/lifecycle/inspection/suspected-token.service.ts';
import type { MetaVerdict } from '../../src/meta/errors/classify-error.ts';
import { type UsageNotice, UsageObserver } from '../../src/meta/graph/usage-observer.ts';
import { MetaApps } from '../../src/meta/meta-apps.ts';
import { SystemClock } from '../../src/platform/clock.ts';
import { UndiciHttpClient } from '../../src/platform/http-client/http-client.ts';
import { createHttpServer } from '../../src/platform/http-server/http-server.ts';
import type { CompletedRequest } from '../../src/platform/http-server/raw-http-handler.ts';
import { Ids } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/logger.ts';
import type { MetaCause } from '../../src/platform/problem.ts';
import { SystemRandom } from '../../src/platform/random.ts';
import { SecretString } from '../../src/platform/secret-string.ts';
import { listen } from './http-listener.ts';
import { TEST_ENVIRONMENT } from './test-replica.ts';

/** What the fake Meta received. */
interface ReceivedCall {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
  complete: boolean;
}

type MetaResponder = (request: http.IncomingMessage, response: http.ServerResponse, seen: ReceivedCall) => void;

/** A gateway on a fake Meta, with fake leases: for what happens on the wire. No database. */
export interface TestGateway {
  url: string;
  metaUrl: string;
  config: Config;
  /** Leases by token; all others are invalid. */
  grants: Map<string, GatewayGrant>;
  /** Leases that `replaceTokens` gives, by Meta token. */
  issued: Map<string, string>;
  /** The same for unknown tokens, by the id of their Page. */
  issuedForPages: Map<string, string>;
  seen: ReceivedCall[];
  reported: { credentialId: string; cause: MetaCause; verdict: MetaVerdict }[];
  observed: ({ appId: string } & UsageNotice)[];
  recorded: NewAuditEntry[];
  /** Numbers of all connections that are also in the WhatsApp Business app, and how often they were looked up. */
  coexistenceNumbers: string[];
  statements: { count: number };
  /** Calls that the client's policy refused. */
  refused: Refusal[];
  registry: Registry;
  usage: UsageRecorder;
  /** Lines of the log at level `warn` or above. */
  warnings: { msg: string }[];
  completed: CompletedRequest[];
  /** How Meta responds from now on. Reads the body first, unless told otherwise. */
  respond(how: MetaResponder, options?: { unread?: boolean }): void;
  json(status: number, body: unknown, headers?: http.OutgoingHttpHeaders): void;
  close(): Promise<void>;
}

export const META_TOKEN = `EAAB${'k3Jx'.repeat(45)}ZDZD`;
export const LEASE = 'mtl_test_lease';

const TEST_APP = new MetaApps(loadConfig(TEST_ENVIRONMENT)).primary;

export function grantFor(token: string, changes: Partial<GatewayGrant> = {}): GatewayGrant {
  const id = createHash('sha256').update(token).digest('hex').slice(0, 12);
  return {
    leaseId: `lse_${id}`,
    clientId: 'cli_one',
    tenant: 'acme',
    product: 'pages',
    connectionId: 'con_one',
    credentialId: `crd_${id}`,
    credentialVersion: 1,
    kind: 'user',
    appId: TEST_APP.hostOf(changes.kind ?? 'user').app?.id ?? '',
    appVersion: null,
    leaseExpiresAt: new Date('2099-01-01T00:00:00Z'),
    ancestorIds: [],
    allow: null,
    ipAllowList: null,
    accessToken: new SecretString(token),
    ...changes,
  };
}

export async function startTestGateway(options: { limits?: Partial<ConcurrencyLimits> } = {}): Promise<TestGateway> {
  const seen: ReceivedCall[] = [];
  let how: MetaResponder = (_request, response) => response.end('{}');
  let unread = false;
  const meta = await listen((request, response) => {
    const call: ReceivedCall = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.alloc(0),
      complete: false,
    };
    seen.push(call);
    if (unread) return how(request, response, call);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      call.body = Buffer.concat(chunks);
      call.complete = true;
      how(request, response, call);
    });
  });
  const metaUrl = meta.url;
  const config = loadConfig({
    ...TEST_ENVIRONMENT,
    META_GRAPH_URL: `${metaUrl}/graph.facebook.com`,
    META_GRAPH_VIDEO_URL: `${metaUrl}/graph-video.facebook.com`,
    META_RUPLOAD_URL: `${metaUrl}/rupload.facebook.com`,
    INSTAGRAM_GRAPH_URL: `${metaUrl}/graph.instagram.com`,
    THREADS_GRAPH_URL: `${metaUrl}/graph.threads.net`,
  });
  const fakes = createFakes();
  const client = new UndiciHttpClient();
  const warnings: TestGateway['warnings'] = [];
  const completed: CompletedRequest[] = [];
  const log = createLogger('warn', { write: (line: string) => void warnings.push(JSON.parse(line)) });
  const clock = new SystemClock();
  const leaseCheck = {
    grant: async (token: string) => fakes.grants.get(token) ?? null,
    filterActive: async () => new Set([...fakes.grants.values()].map((grant) => grant.leaseId)),
  } as unknown as GatewayLeaseVerifier;
  const gatewayLeases = {
    replaceTokens: async (_grant: GatewayGrant, _itemGrants: readonly GatewayGrant[], seen: readonly ResponseToken[]) =>
      new Map(
        seen.flatMap(({ metaToken, objectId }) => {
          const lease = fakes.issued.get(metaToken) ?? fakes.issuedForPages.get(objectId ?? '');
          return lease === undefined ? [] : [[metaToken, lease] as const];
        }),
      ),
  } as unknown as TokenReplacementService;
  const registry = new Registry();
  const usage = new UsageRecorder(
    { transaction: (work: (tx: unknown) => Promise<void>) => work({}) } as unknown as Database,
    { record: async (_tx: unknown, fact: NewAuditEntry) => void fakes.recorded.push(fact) } as unknown as AuditLog,
    log,
  );
  const monitor = new LeaseMonitor(leaseCheck, log);
  const responseObserver = new ResponseObserver(fakes.suspicion, log, fakes.observer);
  const registrations = new RegistrationGuard({
    failFast: {
      rows: async () => {
        fakes.statements.count++;
        return fakes.coexistenceNumbers.map((id) => ({ id }));
      },
    },
  } as unknown as Database);
  const policy = new CallPolicy(
    { report: async (refusal: Refusal) => void fakes.refused.push(refusal) },
    registrations,
  );
  const metrics = new GatewayMetrics(registry);
  const calls = new GatewayService(
    new GatewayRequestParser(leaseCheck, new MetaApps(config), policy),
    new ResponseRelay(config, gatewayLeases, responseObserver),
    leaseCheck,
    monitor,
    new ConcurrencyLimiter({ ...DEFAULT_CONCURRENCY_LIMITS, ...options.limits }),
    policy,
    usage,
    metrics,
    client,
    new GatewayErrorWriter(metrics, log),
  );
  const server = createHttpServer(log, new Ids(clock, new SystemRandom()));
  const fastify = server.adapter.getInstance();
  server.useRawHandler(new GatewayHttpHandler(calls, usage, monitor), (each) => completed.push(each));
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
  return {
    url,
    metaUrl,
    config,
    ...fakes,
    seen,
    registry,
    usage,
    warnings,
    completed,
    respond: (next, { unread: leave = false } = {}) => {
      how = next;
      unread = leave;
    },
    json: (status, body, headers = {}) => {
      unread = false;
      const text = JSON.stringify(body).replaceAll('/', '\\/');
      how = (_request, response) =>
        response
          .writeHead(status, {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
            ...headers,
          })
          .end(text);
    },
    close: async () => {
      monitor.close();
      fastify.server.closeAllConnections();
      await fastify.close();
      await client.close();
      await meta.close();
    },
  };
}

function createFakes() {
  const reported: TestGateway['reported'] = [];
  const observed: TestGateway['observed'] = [];
  const suspicion = {
    report: async (credentialId: string, _version: number, cause: MetaCause, verdict: MetaVerdict) => {
      reported.push({ credentialId, cause, verdict });
      return 'dead' as const;
    },
  } as unknown as SuspectedTokenService;
  class Observer extends UsageObserver {
    override observe(appId: string, notice: UsageNotice): void {
      observed.push({ appId, ...notice });
    }
  }
  return {
    grants: new Map([[LEASE, grantFor(META_TOKEN)]]),
    issued: new Map<string, string>(),
    issuedForPages: new Map<string, string>(),
    recorded: [] as NewAuditEntry[],
    refused: [] as Refusal[],
    coexistenceNumbers: [] as string[],
    statements: { count: 0 },
    reported,
    observed,
    suspicion,
    observer: new Observer(),
  };
}
