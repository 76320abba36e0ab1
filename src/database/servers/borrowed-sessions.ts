import type { DatabaseServers } from './database-servers.ts';
import type { SessionSettings } from './server-client.ts';

/** How to work where a pooler lends a session for each transaction: settings are made in it, and end with it. */
export interface BorrowedSessions {
  /** Begins a transaction. */
  readonly begin: string;
  readonly keepsPrepared: boolean;
}

/** Null where connections have a session of their own, which got its settings when it was made. */
export function borrowedSessions({ pooler }: DatabaseServers, wanted: SessionSettings): BorrowedSessions | null {
  if (pooler.mode !== 'transaction') return null;
  return { begin: ['BEGIN', ...setLocal(wanted)].join('; '), keepsPrepared: pooler.keepsPrepared };
}

/** Statements that make these settings for the rest of a transaction. */
export function setLocal(settings: SessionSettings): string[] {
  return Object.entries(settings).map(([name, value]) => `SET LOCAL ${name} = ${value}`);
}
