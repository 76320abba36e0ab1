import { readFileSync } from 'node:fs';

/** Reads a recorded response of Meta as JSON. */
export function readRecorded<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../support/recorded/${name}`, import.meta.url), 'utf8')) as T;
}

export interface RecordedCase {
  source?: string;
  endpoint?: string;
  what?: string;
  status?: number;
  body?: unknown;
  body_text?: string;
}
