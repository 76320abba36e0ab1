import net from 'node:net';
import type { Random } from '../platform/random.ts';

/** Below the ephemeral ports (Linux from 32768, macOS from 49152): a connection could take one of those. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;

/** Returns a port of 127.0.0.1 on which nothing was listening a moment ago. */
export async function findFreePort(random: Random): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (random.bytes(4).readUInt32BE() % PORTS);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
