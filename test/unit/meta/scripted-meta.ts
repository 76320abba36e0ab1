import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { MetaConfig } from '../../../src/config/config.ts';
import { DEFAULT_GRAPH_API_VERSION } from '../../../src/config/graph-api-version.ts';
import { AppApi } from '../../../src/meta/app-api.ts';
import { AdAccountApi } from '../../../src/meta/assets/ad-account-api.ts';
import { BusinessApi } from '../../../src/meta/assets/business-api.ts';
import { DiscoveryApi } from '../../../src/meta/assets/discovery-api.ts';
import { PageApi } from '../../../src/meta/assets/page-api.ts';
import { WhatsappApi } from '../../../src/meta/assets/whatsapp-api.ts';
import { MetaError } from '../../../src/meta/errors/meta-error.ts';
import { GraphTransport } from '../../../src/meta/graph/graph-transport.ts';
import { MetaMetrics } from '../../../src/meta/graph/meta-metrics.ts';
import { Pause } from '../../../src/meta/graph/pause.ts';
import { type UsageNotice, UsageObserver } from '../../../src/meta/graph/usage-observer.ts';
import { type ServedVersion, VersionObserver } from '../../../src/meta/graph/version-observer.ts';
import { MetaApps } from '../../../src/meta/meta-apps.ts';
import { BatchInspection } from '../../../src/meta/tokens/batch-inspection.ts';
import { InspectionApi } from '../../../src/meta/tokens/inspection-api.ts';
import { OAuthApi } from '../../../src/meta/tokens/oauth-api.ts';
import { RevocationApi } from '../../../src/meta/tokens/revocation-api.ts';
import { SystemUserApi } from '../../../src/meta/tokens/system-user-api.ts';
import { Clock } from '../../../src/platform/clock.ts';
import {
  HttpClient,
  type HttpRequest,
  type HttpRequestError,
  type HttpResponse,
  type StreamedHttpResponse,
} from '../../../src/platform/http-client/http-client.ts';
import { Random } from '../../../src/platform/random.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';

export const NOW = new Date('2026-11-22T12:00:00Z');
export const TOKEN = new SecretString('EAABsecretUserToken123');
export const APP_SECRET = 'app-secret-4711';

export const META: MetaConfig = {
  app: { id: '1001', secret: new SecretString(APP_SECRET) },
  instagramApp: { id: '2002', secret: new SecretString('ig-secret-4711') },
  threadsApp: { id: '3003', secret: new SecretString('th-secret-4711') },
  previousAppSecret: null,
  graphApiVersion: DEFAULT_GRAPH_API_VERSION,
  graphUrl: 'https://graph.test',
  graphVideoUrl: 'https://video.test',
  ruploadUrl: 'https://rupload.test',
  dialogUrl: 'https://dialog.test',
  instagramGraphUrl: 'https://graph.instagram.test',
  instagramApiUrl: 'https://api.instagram.test',
  instagramDialogUrl: 'https://www.instagram.test',
  threadsGraphUrl: 'https://graph.threads.test',
  threadsDialogUrl: 'https://threads.test',
  loginConfigIds: {},
  webhookVerifyToken: null,
};

/** A sent request with parsed parameters. */
export class SentRequest {
  readonly method: string;
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;

  constructor(request: HttpRequest) {
    this.method = request.method;
    this.url = new URL(request.url);
    this.authorization = request.headers?.['authorization'];
    this.form = new URLSearchParams(typeof request.body === 'string' ? request.body : '');
  }

  get path(): string {
    return this.url.host + this.url.pathname;
  }
}

export interface ScriptedResponse {
  status?: number;
  body: unknown;
  headers?: Record<string, string>;
}

type Step = ScriptedResponse | HttpRequestError | ((request: SentRequest) => ScriptedResponse | HttpRequestError);

export function graphError(code: number, subcode?: number, status = 400, type = 'OAuthException'): ScriptedResponse {
  const error = {
    message: `Malformed access token ${TOKEN.expose()}`,
    type,
    code,
    ...(subcode === undefined ? {} : { error_subcode: subcode }),
    fbtrace_id: 'Atrace',
  };
  return { status, body: { error } };
}

class ScriptedHttp extends HttpClient {
  readonly sent: SentRequest[] = [];

  constructor(private readonly steps: Step[]) {
    super();
  }

  override async send(request: HttpRequest): Promise<HttpResponse> {
    const sent = new SentRequest(request);
    this.sent.push(sent);
    const step = this.steps.length > 1 ? this.steps.shift() : this.steps[0];
    const scripted = typeof step === 'function' ? step(sent) : step;
    if (scripted === undefined) throw new Error('the script is at its end');
    if (scripted instanceof Error) throw scripted;
    const text = typeof scripted.body === 'string' ? scripted.body : JSON.stringify(scripted.body);
    return { status: scripted.status ?? 200, headers: scripted.headers ?? {}, body: Buffer.from(text) };
  }

  override stream(): Promise<StreamedHttpResponse> {
    throw new Error('not used');
  }

  override async close(): Promise<void> {}
}

class FixedClock extends Clock {
  override now(): Date {
    return new Date(NOW);
  }
}

class HalfRandom extends Random {
  override bytes(size: number): Buffer {
    return Buffer.alloc(size, 0x80);
  }

  override fraction(): number {
    return 0.5;
  }
}

class RecordingPause extends Pause {
  readonly waits: number[] = [];

  override async wait(milliseconds: number): Promise<void> {
    this.waits.push(milliseconds);
  }
}

class RecordingObserver extends UsageObserver {
  readonly seen: ({ appId: string } & UsageNotice)[] = [];

  override observe(appId: string, notice: UsageNotice): void {
    this.seen.push({ appId, ...notice });
  }
}

class RecordingVersions extends VersionObserver {
  readonly seen: ServedVersion[] = [];

  override observe(version: ServedVersion): void {
    this.seen.push(version);
  }
}

/** The whole client on scripted responses. The last step repeats. */
export function scriptedMeta(...steps: Step[]) {
  const http = new ScriptedHttp(steps);
  const pause = new RecordingPause();
  const observer = new RecordingObserver();
  const versions = new RecordingVersions();
  const registry = new Registry();
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const clock = new FixedClock();
  const transport = new GraphTransport(
    http,
    new MetaApps({ meta: META }),
    clock,
    new HalfRandom(),
    log,
    new MetaMetrics(registry),
    pause,
    observer,
    versions,
  );
  const businesses = new BusinessApi(transport);
  const pages = new PageApi(transport, businesses);
  const adAccounts = new AdAccountApi(transport, businesses);
  const whatsapp = new WhatsappApi(transport);
  return {
    sent: http.sent,
    waits: pause.waits,
    observed: observer.seen,
    versions: versions.seen,
    registry,
    lines,
    transport,
    oauth: new OAuthApi(transport, clock),
    inspection: new InspectionApi(transport, new BatchInspection(transport)),
    discovery: new DiscoveryApi(transport, pages, adAccounts, whatsapp),
    pages,
    adAccounts,
    whatsapp,
    revocation: new RevocationApi(transport),
    systemUsers: new SystemUserApi(transport, clock),
    app: new AppApi(transport),
  };
}

/** Returns the `MetaError` that a promise must fail with. */
export async function catchMetaError(promise: Promise<unknown>): Promise<MetaError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof MetaError) return error;
  throw error;
}
