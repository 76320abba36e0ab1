import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedDelivery {
  headers: IncomingHttpHeaders;
  body: string;
  /** `webhook-id`. */
  id: string;
  /** The body, parsed. */
  message: { type: string; timestamp: string; data: Record<string, unknown> };
  path: string;
  atMs: number;
}

/** What a receiver does with a delivery: a status, or whatever it wants with the answer. */
export type Behaviour = number | ((delivery: ReceivedDelivery, response: ServerResponse) => void);

export interface Receiver {
  url: string;
  received: ReceivedDelivery[];
  /** From now on. */
  respondWith(behaviour: Behaviour): void;
  /** When there are `count` deliveries; throws after `patienceMs`. */
  waitFor(count: number, timeoutMs?: number): Promise<ReceivedDelivery[]>;
  /** The second time nothing. */
  close(): Promise<void>;
}

/** A real HTTP receiver on loopback. */
export async function startReceiver(first: Behaviour = 204, port = 0): Promise<Receiver> {
  const received: ReceivedDelivery[] = [];
  let behaviour = first;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const delivery: ReceivedDelivery = {
        headers: request.headers,
        body,
        id: String(request.headers['webhook-id']),
        message: JSON.parse(body) as ReceivedDelivery['message'],
        path: request.url ?? '',
        atMs: performance.now(),
      };
      received.push(delivery);
      if (typeof behaviour === 'number') response.writeHead(behaviour).end();
      else behaviour(delivery, response);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    received,
    respondWith: (next) => {
      behaviour = next;
    },
    waitFor: async (count, timeoutMs = 10_000) => {
      const deadline = performance.now() + timeoutMs;
      while (received.length < count) {
        if (performance.now() > deadline) throw new Error(`${received.length} of ${count} deliveries came`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return received;
    },
    close: async () => {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
