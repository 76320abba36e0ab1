import { Readable } from 'node:stream';

/** Looks at a body while it passes. */
export interface BodyStreamValidator {
  /** Throws a `GatewayError` where this piece must not go on. */
  push(chunk: Buffer): void;
  /** To be called when all has passed. Throws a `GatewayError` where it was not whole. */
  end(): void;
}

/**
 * `first`, and then what is left of a request's body, each piece after its guard has seen it. Who stops reading leaves the request's
 * connection whole, so that a refusal can still be said on it. Events and no iterators: an upload has a piece for every 64 KiB.
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
  // It may break before anybody listens; who reads it later hears of it then.
  body.on('error', () => undefined);
  if (first.length > 0) body.push(first);
  if (source.readableEnded) onEnd();
  else if (source.destroyed) onSourceError();
  else source.on('data', onData).once('end', onEnd).once('error', onSourceError).once('close', onSourceError);
  return body;
}
