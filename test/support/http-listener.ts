import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findFreePort } from '../../src/database/free-port.ts';
import { SystemRandom } from '../../src/platform/random.ts';

export interface Listener {
  port: number;
  /** `http://127.0.0.1:port` */
  url: string;
  /** Also ends idle connections. A second call does nothing. */
  close(): Promise<void>;
}

/** Starts a server on 127.0.0.1, by default on any free port. */
export async function listen(listener: RequestListener, port = 0): Promise<Listener> {
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> => findFreePort(new SystemRandom());
