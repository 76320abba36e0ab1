import { createServer, type RequestListener } from 'node:http';

export interface Listener {
  port: number;
  close(): Promise<void>;
}

/** A server on a free port of 127.0.0.1. Closing it ends connections that idle, too. */
export async function listen(listener: RequestListener): Promise<Listener> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
