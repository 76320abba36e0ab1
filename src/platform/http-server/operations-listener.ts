import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

const operationsSockets = new WeakSet<Socket>();

/** Whether a request came in on the operations listener. */
export function isFromOperationsListener({ socket }: Pick<IncomingMessage, 'socket'>): boolean {
  return operationsSockets.has(socket);
}

/** A second listener of the same application, for operators, which serves only some of its routes. */
export class OperationsListener {
  #server: Server | null = null;
  #isServed: (route: string) => boolean = () => false;

  constructor(private readonly createServer: () => Server) {}

  /**
   * Listens, and serves the route patterns that `isServed` accepts. Returns the URL. Throws Node's error if the address
   * cannot be used.
   */
  async listen(host: string, port: number, isServed: (route: string) => boolean): Promise<string> {
    const server = this.createServer();
    server.on('connection', (socket) => operationsSockets.add(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    this.#server = server;
    this.#isServed = isServed;
    const { port: bound } = server.address() as AddressInfo;
    return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  }

  /** Whether a request may go to this route: always, unless it came in on this listener. */
  admits(request: IncomingMessage, route: string | undefined): boolean {
    return !isFromOperationsListener(request) || (route !== undefined && this.#isServed(route));
  }

  /** Stops listening and cuts open connections. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }
}
