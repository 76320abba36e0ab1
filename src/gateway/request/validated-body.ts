import { Readable } from 'node:stream';

/** Checks a body while it streams. */
export interface BodyStreamValidator {
  /** Throws a `GatewayError` where this chunk must not be passed on. */
  push(chunk: Buffer): void;
  /** To be called at the end. Throws a `GatewayError` where the body is incomplete. */
  end(): void;
}

/**
 * `first`, then the rest of a request's body, each chunk after validation. Stopping early keeps the request's
 * connection open, so that a refusal can still be sent on it. Uses events, not iterators: an upload has a chunk for every 64 KiB.
 */
export function validatedBody(source: Readable, first: Buffer, validator: BodyStreamValidator): Readable {
  const onData = (chunk: Buffer): void => {
    if (runOrDestroy(() => validator.push(chunk)) && !body.push(chunk)) source.pause();
  };
  const onEnd = (): void => {
    source.off('error', onSourceError).off('close', onSourceError);
    if (runOrDestroy(() => validator.end())) body.push(null);
  };
  const onSourceError = (error?: Error): void => void body.destroy(error ?? new Error('the caller broke off'));
  const runOrDestroy = (check: () => void): boolean => {
    try {
      check();
      return true;
    } catch (error) {
      body.destroy(error as Error);
      return false;
    }
  };
  const body = new Readable({
    read: () => void source.resume(),
    destroy: (error, done) => {
      source.off('data', onData).off('end', onEnd).off('error', onSourceError).off('close', onSourceError).pause();
      done(error);
    },
  });
  // It may fail before anybody listens; the error is delivered to whoever reads later.
  body.on('error', () => undefined);
  if (first.length > 0) body.push(first);
  if (source.readableEnded) onEnd();
  else if (source.destroyed) onSourceError();
  else source.on('data', onData).once('end', onEnd).once('error', onSourceError).once('close', onSourceError);
  return body;
}
