import type { DatabaseServers } from './database-servers.ts';
import type { SessionSettings } from './server-client.ts';

/** How to work with a pooler that lends a session for each transaction: settings are made in it and end with it. */
export interface BorrowedSessions {
  /** Begins a transaction. */
  readonly begin: string;
  readonly keepsPrepared: boolean;
}

/** Null where connections have their own session, which got its settings when it was opened. */
export function borrowedSessions({ pooler }: DatabaseServers, wanted: SessionSettings): BorrowedSessions | null {
  if (pooler.mode !== 'transaction') return null;
  return { begin: ['BEGIN', ...setLocal(wanted)].join('; '), keepsPrepared: pooler.keepsPrepared };
}

/** Returns the statements that apply these settings for the rest of a transaction. */
export function setLocal(settings: SessionSettings): string[] {
  return Object.entries(settings).map(([name, value]) => `SET LOCAL ${name} = ${value}`);
}
