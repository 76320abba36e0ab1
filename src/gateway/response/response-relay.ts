import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import zlib from 'node:zlib';
import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../config/config.ts';
import { GatewayLeases } from '../../leases/token-replacement.service.ts';
import type { HttpAnswer, StreamedHttpAnswer } from '../../platform/http-client/http-client.ts';
import { addFromMeta } from '../forwarded-headers.ts';
import { GatewayRefusal } from '../gateway-error.ts';
import type { Call } from '../request/gateway-request-parser.ts';
import { ByteMask } from './byte-mask.ts';
import { isMediaUrl, LinkRewriter } from './link-rewriter.ts';
import { AnswerState } from './response-observer.ts';
import { Scrubber } from './scrubber.ts';
import type { Secret } from './token-finder.ts';

/** Answers up to this size are passed on in one piece, with their length; errors are read up to it. */
export const SMALL_BYTES = 64 * 1024;
/** What can hold a token in words. A missing type counts as text. */
const TEXT = /^\s*$|^(?:text|message)\/|json|javascript|xml|urlencoded|event-stream/i;
/** Texts in which a token is not written in its own bytes. */
const UNREADABLE = /charset\s*=[\s"']*(?![\s"'])(?!utf-?8\b|us-ascii\b|iso-8859-|windows-125)/i;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Short ones come whole. */
type Answer = HttpAnswer | StreamedHttpAnswer;

/** Passes an answer of Meta's on, without a byte of a token. */
@Injectable()
export class AnswerRelay {
  readonly #links: LinkRewriter;

  constructor(
    @Inject(Config) config: Config,
    @Inject(GatewayLeases) private readonly leases: GatewayLeases,
    @Inject(AnswerState) private readonly state: AnswerState,
  ) {
    this.#links = new LinkRewriter(config.meta, config.publicUrl);
  }

  /**
   * Done, or resolves, when the answer is on its way to the caller, whole. Throws a `GatewayRefusal`, or what broke the stream; where
   * the answer had begun by then, the connection has to be cut.
   */
  relay(call: Call, secrets: readonly Secret[], answer: Answer, response: ServerResponse): Promise<void> | void {
    return Buffer.isBuffer(answer.body)
      ? this.#relay(call, secrets, answer, response)
      : this.#relayStream(call, secrets, answer as StreamedHttpAnswer, response);
  }

  async #relayStream(call: Call, secrets: readonly Secret[], answer: StreamedHttpAnswer, response: ServerResponse) {
    try {
      await this.#relay(call, secrets, answer, response);
    } catch (error) {
      // Nobody listens any more, and an unheard error would end the process.
      answer.body.on('error', () => undefined).destroy();
      throw error;
    }
  }

  #relay(call: Call, secrets: readonly Secret[], answer: Answer, response: ServerResponse): Promise<void> | void {
    const { status } = answer;
    this.state.hearHeaders(call, answer.headers);
    const scrubber = new Scrubber(secrets, this.#links, async (tokens) => this.leases.issueFor(call.grant, tokens));
    const head = [...call.source.headers];
    addFromMeta(head, answer.headers, (value) => scrubber.scrubText(value));
    if (REDIRECTS.has(status)) head.push('location', this.#location(answer, scrubber));
    if (call.method === 'HEAD' || status === 204 || status === 304) {
      if (!Buffer.isBuffer(answer.body)) answer.body.resume();
      response.writeHead(status, head).end();
      return;
    }
    const body = decoded(answer);
    const type = answer.headers['content-type'] ?? '';
    // Only the media host has files of people; whatever else says of itself that it is none could be words.
    const isText = call.path.route !== 'media' || TEXT.test(type);
    if (!isText) {
      const length = answer.headers['content-length'];
      if (length !== undefined && body === answer.body) head.push('content-length', length);
      response.writeHead(status, head);
      return passBytes(call, piecesOf(body), response);
    }
    if (UNREADABLE.test(type))
      throw new GatewayRefusal('answer_refused', { detail: 'The answer has an unknown charset.' });
    if (status === 206) throw new GatewayRefusal('answer_refused', { detail: 'A piece of a text is not passed on.' });
    const reply = { call, answer, head, scrubber, response };
    if (status >= 400 || call.isBatch || isSmall(answer))
      return Buffer.isBuffer(body) ? this.#passWhole(reply, body) : this.#passFrom(reply, body);
    response.writeHead(status, head);
    // The first piece may have to wait for its other half.
    response.flushHeaders();
    return passPieces(piecesOf(body), scrubber, response);
  }

  /** In one piece, which errors and most answers are; they are read for what they say of the token. */
  #passWhole(reply: Reply, body: Buffer): Promise<void> | void {
    const { call, answer, scrubber } = reply;
    if (answer.status >= 400 || call.isBatch || mayBeError(body))
      this.state.hearBody(call, answer.status, answer.headers, body);
    const clean = scrubber.end(body);
    return Buffer.isBuffer(clean) ? finish(reply, clean) : clean.then((text) => finish(reply, text));
  }

  /** In one piece as well where it turns out to be small. */
  async #passFrom(reply: Reply, body: Readable): Promise<void> {
    const { start, rest } = await readStart(body, SMALL_BYTES);
    if (rest === null) return this.#passWhole(reply, start);
    const { answer, head, scrubber, response } = reply;
    response.writeHead(answer.status, head);
    response.write(await scrubber.push(start));
    await passPieces(rest, scrubber, response);
  }

  /** The gateway's address for one of Meta's API, or one of Meta's media hosts; nothing else is shown. */
  #location(answer: Answer, scrubber: Scrubber): string {
    const { location } = answer.headers;
    const rewritten = location === undefined ? null : this.#links.rewrite(location);
    if (rewritten !== null) return scrubber.scrubText(rewritten);
    if (location !== undefined && isMediaUrl(location)) {
      const clean = scrubber.scrubText(location);
      if (clean === location) return location;
    }
    throw new GatewayRefusal('answer_refused', {
      detail: 'Meta redirects to an address that the gateway does not reach.',
    });
  }
}

/** An answer on its way out. */
interface Reply {
  call: Call;
  answer: Answer;
  /** Names and values in turn. */
  head: string[];
  scrubber: Scrubber;
  response: ServerResponse;
}

function finish({ answer, head, response }: Reply, body: Buffer): void {
  head.push('content-length', String(body.length));
  // As text, head and body leave in one write.
  response.writeHead(answer.status, head).end(body.toString('latin1'), 'latin1');
}

function isSmall({ headers }: Answer): boolean {
  const length = headers['content-length'];
  return length !== undefined && headers['content-encoding'] === undefined && Number(length) <= SMALL_BYTES;
}

/** `suppress_response_codes` makes errors of answers with status 200 (META.md 18). */
function mayBeError(body: Buffer): boolean {
  return body.length > 2 && body[0] === 0x7b && body.toString('latin1', 0, 40).includes('"error');
}

type Pieces = AsyncIterable<Buffer> | readonly Buffer[];

function piecesOf(body: Buffer | Readable): Pieces {
  return Buffer.isBuffer(body) ? [body] : body;
}

async function passPieces(body: Pieces, scrubber: Scrubber, response: ServerResponse): Promise<void> {
  for await (const piece of body) {
    const clean = scrubber.push(piece);
    await write(response, Buffer.isBuffer(clean) ? clean : await clean);
  }
  response.end(await scrubber.end());
}

/** Images, video and the like: lengths and ranges stay as they are. */
async function passBytes(call: Call, body: Pieces, response: ServerResponse): Promise<void> {
  const mask = new ByteMask(call.grant.accessToken.expose());
  for await (const piece of body) await write(response, mask.push(piece));
  response.end(mask.end());
}

/** Waits where the caller reads slower than Meta sends. */
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

/** The body as it was before it was compressed. Throws `answer_refused` for a coding that cannot be looked into. */
function decoded(answer: Answer): Buffer | Readable {
  const codings = (answer.headers['content-encoding'] ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length === 0) return answer.body;
  let body = Buffer.isBuffer(answer.body) ? Readable.from([answer.body]) : answer.body;
  for (const coding of codings.reverse()) {
    const decoder = decoderOf(coding);
    if (decoder === null) throw new GatewayRefusal('answer_refused', { detail: 'The answer has an unknown coding.' });
    // Errors and early ends reach the reader of the last stream.
    body = pipeline(body, decoder, () => undefined);
  }
  return body;
}

function decoderOf(coding: string): (Readable & NodeJS.WritableStream) | null {
  if (coding === 'gzip' || coding === 'x-gzip') return zlib.createGunzip();
  if (coding === 'br') return zlib.createBrotliDecompress();
  return coding === 'deflate' ? zlib.createInflate() : null;
}

/** Up to `limit` bytes and the rest, null where that was all. */
function readStart(body: Readable, limit: number): Promise<{ start: Buffer; rest: AsyncIterable<Buffer> | null }> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const settle = (rest: AsyncIterable<Buffer> | null): void => {
      body.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      const start = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, size);
      resolve({ start, rest });
    };
    const onData = (piece: Buffer): void => {
      pieces.push(piece);
      size += piece.length;
      if (size <= limit) return;
      body.pause();
      settle(body);
    };
    const onEnd = (): void => settle(null);
    const onBroken = (cause?: unknown): void =>
      reject(new GatewayRefusal('meta_unavailable', { detail: 'The answer of Meta broke off.', cause }));
    body.on('data', onData).once('end', onEnd).on('error', onBroken).once('close', onBroken);
  });
}
