import { pipeline, Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { HttpResponse, StreamedHttpResponse } from '../../platform/http-client/http-client.ts';
import { GatewayError } from '../gateway-error.ts';

/** Decompresses a body. Throws `answer_refused` for an unknown encoding. */
export function decompress(metaResponse: HttpResponse | StreamedHttpResponse): Buffer | Readable {
  const codings = (metaResponse.headers['content-encoding'] ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length === 0) return metaResponse.body;
  let body = Buffer.isBuffer(metaResponse.body) ? Readable.from([metaResponse.body]) : metaResponse.body;
  for (const coding of codings.reverse()) {
    const decoder = createDecompressor(coding);
    if (decoder === null)
      throw new GatewayError('answer_refused', { detail: 'The response has an unknown content encoding.' });
    // Errors reach the reader of the last stream.
    body = pipeline(body, decoder, () => undefined);
  }
  return body;
}

function createDecompressor(coding: string): (Readable & NodeJS.WritableStream) | null {
  if (coding === 'gzip' || coding === 'x-gzip') return zlib.createGunzip();
  if (coding === 'br') return zlib.createBrotliDecompress();
  return coding === 'deflate' ? zlib.createInflate() : null;
}
