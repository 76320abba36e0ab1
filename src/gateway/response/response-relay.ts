import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { TokenReplacementService } from '../../leases/token-replacement.service.ts';
import { isPublicMediaUrl } from '../../meta/graph/meta-addresses.ts';
import type { HttpResponse, StreamedHttpResponse } from '../../platform/http-client/http-client.ts';
import { concatChunks } from '../../platform/read-stream.ts';
import { appendMetaResponseHeaders } from '../forwarded-headers.ts';
import type { GatewayCall } from '../gateway-call.ts';
import { GatewayError } from '../gateway-error.ts';
import { ByteMask } from './byte-mask.ts';
import { decompress } from './decompress.ts';
import { LinkRewriter } from './link-rewriter.ts';
import { ResponseObserver } from './response-observer.ts';
import { Scrubber } from './scrubber.ts';
import type { Secret } from './token-finder.ts';
import { appendValidators, namesEntityTag } from './validators.ts';

/** Responses up to this size are buffered and sent with a length. Errors are read up to it. */
export const MAX_BUFFERED_RESPONSE_BYTES = 64 * 1024;
/** Types of text, which can contain a token. No type counts as text. */
const TEXT = /^\s*$|^(?:text|message)\/|json|javascript|xml|urlencoded|event-stream/i;
/** Charsets that don't write ASCII as its own bytes. */
const UNSUPPORTED_CHARSET = /charset\s*=[\s"']*(?![\s"'])(?!utf-?8\b|us-ascii\b|iso-8859-|windows-125)/i;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

type MetaResponse = HttpResponse | StreamedHttpResponse;

/** Relays Meta's response without a byte of a token. */
@Injectable()
export class ResponseRelay {
  readonly #links: LinkRewriter;

  constructor(
    @Inject(Config) config: Config,
    @Inject(TokenReplacementService) private readonly leases: TokenReplacementService,
    @Inject(ResponseObserver) private readonly observer: ResponseObserver,
  ) {
    this.#links = new LinkRewriter(config.meta, config.publicUrl);
  }

  /**
   * Returns or resolves once the whole response is written to the client. Throws a `GatewayError`, or the error that
   * broke the stream; if the response has begun by then, close the connection.
   */
  relay(
    call: GatewayCall,
    secrets: readonly Secret[],
    metaResponse: MetaResponse,
    response: ServerResponse,
  ): Promise<void> | void {
    return Buffer.isBuffer(metaResponse.body)
      ? this.#relay(call, secrets, metaResponse, response)
      : this.#relayAndCleanUp(call, secrets, metaResponse as StreamedHttpResponse, response);
  }

  async #relayAndCleanUp(
    call: GatewayCall,
    secrets: readonly Secret[],
    metaResponse: StreamedHttpResponse,
    response: ServerResponse,
  ) {
    try {
      await this.#relay(call, secrets, metaResponse, response);
    } catch (error) {
      // Without a listener, an error would end the process.
      metaResponse.body.on('error', () => undefined).destroy();
      throw error;
    }
  }

  #relay(
    call: GatewayCall,
    secrets: readonly Secret[],
    metaResponse: MetaResponse,
    response: ServerResponse,
  ): Promise<void> | void {
    const { status } = metaResponse;
    this.observer.observeHeaders(call, metaResponse.headers);
    const scrubber = new Scrubber(secrets, this.#links, async (tokens) =>
      this.leases.replaceTokens(call.grant, call.itemGrants, tokens),
    );
    const head = [...call.source.headers];
    appendMetaResponseHeaders(head, metaResponse.headers, (value) => scrubber.scrubText(value));
    if (REDIRECTS.has(status)) head.push('location', this.#location(metaResponse, scrubber));
    const isMedia = call.path.route === 'media';
    if (status === 304 && !isMedia)
      throw new GatewayError('answer_refused', {
        detail: "Meta's response is to a conditional request, which this was not.",
      });
    if (call.method === 'HEAD' || status === 204 || status === 304) {
      if (isMedia) appendValidators(head, metaResponse.headers, (value) => scrubber.scrubText(value));
      if (!Buffer.isBuffer(metaResponse.body)) metaResponse.body.resume();
      response.writeHead(status, head).end();
      return;
    }
    const body = decompress(metaResponse);
    const type = metaResponse.headers['content-type'] ?? '';
    // Only the media host serves files of users; elsewhere anything may be text, whatever its type says.
    const isText = !isMedia || TEXT.test(type);
    if (!isText) {
      const length = metaResponse.headers['content-length'];
      if (length !== undefined && body === metaResponse.body) head.push('content-length', length);
      appendValidators(head, metaResponse.headers, (value) => scrubber.scrubText(value));
      response.writeHead(status, head);
      return relayBinary(call, toChunks(body), response);
    }
    if (UNSUPPORTED_CHARSET.test(type))
      throw new GatewayError('answer_refused', { detail: 'The response has an unknown charset.' });
    if (status === 206)
      throw new GatewayError('answer_refused', { detail: 'A partial response in text is not passed on.' });
    const context = { call, metaResponse, head, scrubber, response };
    if (status >= 400 || call.isBatch || isSmall(metaResponse))
      return Buffer.isBuffer(body) ? this.#relayBuffered(context, body) : this.#relayUnsized(context, body);
    response.writeHead(status, head);
    // Send the head now: the scrubber may hold back the first chunk.
    response.flushHeaders();
    return relayText(toChunks(body), scrubber, response);
  }

  /** Relays a buffered response (errors and most others are buffered), and reports what it says about the token. */
  #relayBuffered(context: RelayContext, body: Buffer): Promise<void> | void {
    const { call, metaResponse, scrubber } = context;
    if (metaResponse.status >= 400 || call.isBatch || mayBeError(body))
      this.observer.observeBody(call, metaResponse.status, metaResponse.headers, body);
    const clean = scrubber.end(body);
    return Buffer.isBuffer(clean) ? sendBuffered(context, clean) : clean.then((text) => sendBuffered(context, text));
  }

  /** Relays a response of unknown size; buffers it if it is small. */
  async #relayUnsized(context: RelayContext, body: Readable): Promise<void> {
    const { start, rest } = await readStart(body, MAX_BUFFERED_RESPONSE_BYTES);
    if (rest === null) return this.#relayBuffered(context, start);
    const { metaResponse, head, scrubber, response } = context;
    response.writeHead(metaResponse.status, head);
    response.write(await scrubber.push(start));
    await relayText(rest, scrubber, response);
  }

  /** Returns the gateway's URL for a redirect to Meta's API or media hosts. Throws for any other target. */
  #location(metaResponse: MetaResponse, scrubber: Scrubber): string {
    const { location } = metaResponse.headers;
    const rewritten = location === undefined ? null : this.#links.rewrite(location);
    if (rewritten !== null) return scrubber.scrubText(rewritten);
    if (location !== undefined && isPublicMediaUrl(location)) {
      const clean = scrubber.scrubText(location);
      if (clean === location) return location;
    }
    throw new GatewayError('answer_refused', {
      detail: 'Meta redirects to a URL that the gateway does not serve.',
    });
  }
}

/** A response in progress. */
interface RelayContext {
  call: GatewayCall;
  metaResponse: MetaResponse;
  /** Alternating names and values. */
  head: string[];
  scrubber: Scrubber;
  response: ServerResponse;
}

function sendBuffered({ call, metaResponse, head, scrubber, response }: RelayContext, body: Buffer): void {
  const { status, headers } = metaResponse;
  if (!scrubber.hasChanged) {
    appendValidators(head, headers, (value) => scrubber.scrubText(value));
    if (status === 200 && namesEntityTag(call.ifNoneMatch, headers.etag)) {
      response.writeHead(304, head).end();
      return;
    }
  }
  head.push('content-length', String(body.length));
  // A string leaves in one write with the head.
  response.writeHead(status, head).end(body.toString('latin1'), 'latin1');
}

function isSmall({ headers }: MetaResponse): boolean {
  const length = headers['content-length'];
  return (
    length !== undefined && headers['content-encoding'] === undefined && Number(length) <= MAX_BUFFERED_RESPONSE_BYTES
  );
}

/** Errors may have status 200 (`suppress_response_codes`): docs/meta-facts.md#errors */
function mayBeError(body: Buffer): boolean {
  return body.length > 2 && body[0] === 0x7b && body.toString('latin1', 0, 40).includes('"error');
}

type Chunks = AsyncIterable<Buffer> | readonly Buffer[];

function toChunks(body: Buffer | Readable): Chunks {
  return Buffer.isBuffer(body) ? [body] : body;
}

async function relayText(body: Chunks, scrubber: Scrubber, response: ServerResponse): Promise<void> {
  for await (const chunk of body) {
    const clean = scrubber.push(chunk);
    await write(response, Buffer.isBuffer(clean) ? clean : await clean);
  }
  response.end(await scrubber.end());
}

/** Relays images, video and the like, with lengths and ranges unchanged. */
async function relayBinary(call: GatewayCall, body: Chunks, response: ServerResponse): Promise<void> {
  const mask = new ByteMask(call.grant.accessToken.expose());
  for await (const chunk of body) await write(response, mask.push(chunk));
  response.end(mask.end());
}

/** Writes, and waits while the client reads slower than Meta sends. */
function write(response: ServerResponse, bytes: Buffer): Promise<void> | void {
  if (bytes.length === 0 || response.write(bytes) || response.destroyed) return;
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.on('drain', go).on('close', go);
  });
}

/** Reads up to `limit` bytes. `rest` is null if that was all. */
function readStart(body: Readable, limit: number): Promise<{ start: Buffer; rest: AsyncIterable<Buffer> | null }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finishRead = (rest: AsyncIterable<Buffer> | null): void => {
      body.off('data', onData).off('end', onEnd).off('error', onStreamError).off('close', onStreamError);
      resolve({ start: concatChunks(chunks, size), rest });
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= limit) return;
      body.pause();
      finishRead(body);
    };
    const onEnd = (): void => finishRead(null);
    const onStreamError = (cause?: unknown): void =>
      reject(new GatewayError('meta_unavailable', { detail: "Meta's response broke off.", cause }));
    body.on('data', onData).once('end', onEnd).on('error', onStreamError).once('close', onStreamError);
  });
}
