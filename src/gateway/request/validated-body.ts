import { Readable } from 'node:stream';

/** Looks at a body while it passes. */
export interface BodyGuard {
  /** Throws a `GatewayRefusal` where this piece must not go on. */
  push(piece: Buffer): void;
  /** To be called when all has passed. Throws a `GatewayRefusal` where it was not whole. */
  end(): void;
}

/**
 * `first`, and then what is left of a request's body, each piece after its guard has seen it. Who stops reading leaves the request's
 * connection whole, so that a refusal can still be said on it. Events and no iterators: an upload has a piece for every 64 KiB.
 */
export function guardedBody(source: Readable, first: Buffer, guard: BodyGuard): Readable {
  const onData = (piece: Buffer): void => {
    if (tried(() => guard.push(piece)) && !body.push(piece)) source.pause();
  };
  const onEnd = (): void => {
    source.off('error', onBroken).off('close', onBroken);
    if (tried(() => guard.end())) body.push(null);
  };
  const onBroken = (error?: Error): void => void body.destroy(error ?? new Error('the caller broke off'));
  const tried = (look: () => void): boolean => {
    try {
      look();
      return true;
    } catch (error) {
      body.destroy(error as Error);
      return false;
    }
  };
  const body = new Readable({
    read: () => void source.resume(),
    destroy: (error, done) => {
      source.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken).pause();
      done(error);
    },
  });
  // It may break before anybody listens; who reads it later hears of it then.
  body.on('error', () => undefined);
  if (first.length > 0) body.push(first);
  if (source.readableEnded) onEnd();
  else if (source.destroyed) onBroken();
  else source.on('data', onData).once('end', onEnd).once('error', onBroken).once('close', onBroken);
  return body;
}
