import { Readable } from 'node:stream';

/** Checks a body while it streams. */
export interface BodyStreamValidator {
  /** Throws a `GatewayError` if the chunk must not be passed on. */
  push(chunk: Buffer): void;
  /** Call at the end. Throws a `GatewayError` if the body is incomplete. */
  end(): void;
}

/**
 * Streams `first`, then the rest of a request's body, each chunk once it is validated. Stopping early keeps the
 * connection open for a refusal. Uses events, which cost less per chunk than iterators.
 */
export function validatedBody(source: Readable, first: Buffer, validator: BodyStreamValidator): Readable {
  const onData = (chunk: Buffer): void => {
    if (runOrDestroy(() => validator.push(chunk)) && !body.push(chunk)) source.pause();
  };
  const onEnd = (): void => {
    source.off('error', onSourceError).off('close', onSourceError);
    if (runOrDestroy(() => validator.end())) body.push(null);
  };
  const onSourceError = (error?: Error): void => void body.destroy(error ?? new Error('the client disconnected'));
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
  // May fail before it is read; a later reader still gets the error.
  body.on('error', () => undefined);
  if (first.length > 0) body.push(first);
  if (source.readableEnded) onEnd();
  else if (source.destroyed) onSourceError();
  else source.on('data', onData).once('end', onEnd).once('error', onSourceError).once('close', onSourceError);
  return body;
}
