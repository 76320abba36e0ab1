import type { Server } from 'node:http';

/** An answer as it left the server. */
export interface Answer {
  method: string;
  /** Path and query. */
  url: string;
  status: number;
  headers: Record<string, string>;
  /** Decoded as UTF-8. */
  body: string;
}

/** Calls back with every answer of a server, right before its last byte is sent. */
export function recordAnswers(server: Server, onAnswer: (answer: Answer) => void): void;
