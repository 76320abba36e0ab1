import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { listen } from './http-listener.ts';

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

/** How a receiver responds to a delivery: a status, or a function that writes the response. */
export type Behavior = number | ((delivery: ReceivedDelivery, response: ServerResponse) => void);

export interface Receiver {
  url: string;
  received: ReceivedDelivery[];
  /** How it responds from now on. */
  respondWith(behavior: Behavior): void;
  /** Resolves once there are `count` deliveries; throws after `timeoutMs`. */
  waitFor(count: number, timeoutMs?: number): Promise<ReceivedDelivery[]>;
  /** A second call does nothing. */
  close(): Promise<void>;
}

/** A real HTTP receiver on loopback. */
export async function startReceiver(first: Behavior = 204, port = 0): Promise<Receiver> {
  const received: ReceivedDelivery[] = [];
  let behavior = first;
  const server = await listen((request, response) => {
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
      if (typeof behavior === 'number') response.writeHead(behavior).end();
      else behavior(delivery, response);
    });
  }, port);
  return {
    url: `${server.url}/hooks`,
    received,
    respondWith: (next) => {
      behavior = next;
    },
    waitFor: async (count, timeoutMs = 10_000) => {
      const deadline = performance.now() + timeoutMs;
      while (received.length < count) {
        if (performance.now() > deadline) throw new Error(`${received.length} of ${count} deliveries came`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return received;
    },
    close: server.close,
  };
}
