import { once } from 'node:events';
import net from 'node:net';

/** The way to a Postgres over a line that can fall silent without being closed: a black hole in the network. */
export interface SilenceableProxy {
  url: string;
  /** From now on nothing passes, in either direction, on connections that stand and on new ones. */
  silence(): void;
  /** New connections pass again. Those that stood while it was silent stay dead. */
  restore(): void;
  close(): void;
}

export async function startSilenceableProxy(databaseUrl: string): Promise<SilenceableProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  let isSilent = false;
  const server = net.createServer((near) => {
    sockets.add(near);
    near.on('error', () => near.destroy());
    if (isSilent) return;
    const far = net.connect(Number(target.port), target.hostname);
    sockets.add(far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    silence: () => {
      isSilent = true;
      for (const socket of sockets) socket.removeAllListeners('data').pause();
    },
    restore: () => {
      isSilent = false;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
