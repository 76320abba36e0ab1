import net from 'node:net';

/** A connection on which a test writes arbitrary bytes. */
export interface RawConnection {
  write(bytes: string | Buffer): void;
  /** Writes a piece repeatedly until the connection ends. */
  trickle(bytes: string | Buffer, everyMs: number): void;
  /** Resolves with all that was received once the other side has ended the connection. */
  ended(): Promise<string>;
  /** Resolves with the first response once it has its headers. */
  response(): Promise<string>;
  close(): void;
}

/** Connects to a server on loopback. */
export async function connectRaw(port: number): Promise<RawConnection> {
  const socket = net.connect(port, '127.0.0.1');
  let received = '';
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  const responded = new Promise<string>((resolve, reject) => {
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.includes('\r\n\r\n')) resolve(received);
    });
    socket.once('close', () => reject(new Error('the connection ended without a response')));
  });
  responded.catch(() => undefined);
  socket.on('error', () => undefined);
  socket.once('close', () => clearInterval(timer));
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return {
    write: (bytes) => void socket.write(bytes),
    trickle: (bytes, everyMs) => {
      timer = setInterval(() => socket.write(bytes), everyMs);
    },
    ended: () => ended,
    response: () => responded,
    close: () => socket.destroy(),
  };
}
