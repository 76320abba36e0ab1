import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A TCP proxy in front of Postgres that can slow down, cut, or silently drop connections, like a network black hole.
 */
export interface DatabaseProxy {
  url: string;
  /** From now on each chunk arrives this much later, in both directions and in order. */
  delay(delayMs: number): void;
  /** From now on nothing passes, in either direction, on open connections and on new ones. */
  silence(): void;
  /** From now on every connection is closed, open ones and new ones. */
  cut(): void;
  /** From now on new connections go to this server. */
  leadTo(databaseUrl: string): void;
  /** New connections pass again. Those that were open during the silence stay dead. */
  restore(): void;
  close(): void;
}

export async function startDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  let target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  let delayMs = 0;
  let silences = 0;
  let isSilent = false;
  let isCut = false;
  /** Forwards chunks in order, even if the delay changes in between. */
  const forward = (from: net.Socket, to: net.Socket): void => {
    const silencesBefore = silences;
    let passed: Promise<unknown> = Promise.resolve();
    sockets.add(from);
    from.on('data', (chunk) => {
      passed = Promise.all([passed, delayMs > 0 ? sleep(delayMs) : null]).then(() => {
        if (silences === silencesBefore) to.write(chunk);
      });
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      void passed.then(() => to.destroy());
    });
  };
  const server = net.createServer((near) => {
    if (isCut) return void near.destroy();
    if (isSilent) {
      sockets.add(near);
      near.on('error', () => near.destroy());
      return;
    }
    const far = net.connect(Number(target.port), target.hostname);
    forward(near, far);
    forward(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    delay: (ms) => {
      delayMs = ms;
    },
    silence: () => {
      isSilent = true;
      silences += 1;
      for (const socket of sockets) socket.removeAllListeners('data').pause();
    },
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    leadTo: (other) => {
      target = new URL(other);
    },
    restore: () => {
      isSilent = false;
      isCut = false;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
