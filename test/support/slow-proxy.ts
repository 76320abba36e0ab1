import { once } from 'node:events';
import net from 'node:net';

/** The way to a Postgres over a line on which everything takes its time, in both directions and in order. */
export interface SlowProxy {
  url: string;
  /** From now on each chunk is this much later. */
  delay(delayMs: number): void;
  close(): void;
}

export async function startSlowProxy(databaseUrl: string): Promise<SlowProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  let delayMs = 0;
  const server = net.createServer((near) => {
    const far = net.connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      // Never sooner than the chunk before it, though the delay has changed meanwhile.
      let passed: Promise<unknown> = Promise.resolve();
      from.on('data', (chunk) => {
        const due = new Promise((resolve) => setTimeout(resolve, delayMs));
        passed = Promise.all([passed, due]).then(() => to.write(chunk));
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        void passed.then(() => to.destroy());
      });
    }
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
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
