import type { IncomingMessage, ServerResponse } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';

/** A request as its door gets it. */
export interface RawRequest {
  /** The caller's own where it gave a good one. */
  readonly requestId: string;
  /** The peer's address, or what a trusted proxy says of it. */
  readonly address: string;
  /** What every answer has, names and values in turn: the cheapest form for `writeHead`, which the answer's own go into as well. */
  readonly headers: readonly string[];
}

/**
 * Answers requests ahead of all routes, on Node's own objects: bodies stay streams, nothing is parsed, and what a framework costs is
 * spared. For calls that come by the thousand.
 */
export interface RawDoor {
  /** The pattern under which a request with this target is counted; null where it is none of this door's. */
  routeOf(target: string): string | null;
  /** Never rejects. Resolves when the answer has been given, or the connection has been cut: with the client that asked, where one did. */
  handle(request: IncomingMessage, response: ServerResponse, source: RawRequest): Promise<string | undefined>;
}

/** An answer that was given. */
export interface AnsweredRequest {
  method: string;
  /** The pattern of the route, never the URL: paths and queries hold ids, states and, where SDKs put it there, tokens. */
  route: string;
  status: number;
  /** From the first byte of the request to the last of the answer. */
  durationMs: number;
  requestId: string;
  request: Pick<IncomingMessage, 'headers'>;
  clientId?: string | undefined;
}

/** How the requests of a server are looked at, whoever answers them. */
export interface DoorSetting {
  requestIdOf(request: IncomingMessage): string;
  /** Whose `X-Forwarded-For` is believed; false: nobody's. */
  trust: false | ((address: string, hops: number) => boolean);
  /** Whether answers ask for the end of their connection. */
  isDraining(): boolean;
  onAnswered(answered: AnsweredRequest): void;
}

/** Hands requests to a door; gives back whether it took this one. */
export function throughDoor(
  door: RawDoor,
  setting: DoorSetting,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const route = door.routeOf(request.url ?? '');
    if (route === null) return false;
    const startedMs = performance.now();
    const source = new DoorRequest(request, setting);
    void door.handle(request, response, source).then((clientId) => {
      const { method = '' } = request;
      const { requestId } = source;
      const durationMs = performance.now() - startedMs;
      setting.onAnswered({ method, route, status: response.statusCode, durationMs, requestId, request, clientId });
    });
    return true;
  };
}

const ALWAYS = ['cache-control', 'no-store', 'x-content-type-options', 'nosniff'];

class DoorRequest implements RawRequest {
  readonly requestId: string;
  readonly headers: readonly string[];

  constructor(
    private readonly request: IncomingMessage,
    private readonly setting: DoorSetting,
  ) {
    this.requestId = setting.requestIdOf(request);
    const headers = ['x-request-id', this.requestId, ...ALWAYS];
    if (setting.isDraining()) headers.push('connection', 'close');
    this.headers = headers;
  }

  /** Found out where somebody asks for it only, which is rare. */
  get address(): string {
    const { request, setting } = this;
    return setting.trust === false ? (request.socket.remoteAddress ?? '') : proxyAddr(request, setting.trust);
  }
}
