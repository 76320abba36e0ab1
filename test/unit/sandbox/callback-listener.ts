import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hubSignature } from '../../../src/sandbox/state/callback-sender.ts';

interface Received {
  json: unknown;
  isSignedBy(secret: string): boolean;
}

/** Where the sandbox's webhooks arrive; answers the handshake whose verify token is `good`. */
export interface Callbacks {
  url: string;
  received: Received[];
  close(): Promise<void>;
}

export async function startCallbacks(): Promise<Callbacks> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    if (request.method === 'GET')
      return void response.end(query.get('hub.verify_token') === 'good' ? query.get('hub.challenge') : '');
    const signature = request.headers['x-hub-signature-256'];
    received.push({ json: JSON.parse(body), isSignedBy: (secret) => signature === hubSignature(secret, body) });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
