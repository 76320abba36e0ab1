import type { DatabaseServers } from './database-servers.ts';
import type { SessionLimits } from './server-client.ts';

/** How to work where a pooler lends a session for each transaction: limits are set in it, and end with it. */
export interface BorrowedSessions {
  /** Begins a transaction. */
  readonly begin: string;
  readonly keepsPrepared: boolean;
}

/** Null where connections have a session of their own, which got its limits when it was made. */
export function borrowedSessions({ pooler }: DatabaseServers, limits: SessionLimits): BorrowedSessions | null {
  if (pooler.mode !== 'transaction') return null;
  const settings = Object.entries(limits).map(([name, ms]) => `SET LOCAL ${name} = ${ms}`);
  return { begin: ['BEGIN', ...settings].join('; '), keepsPrepared: pooler.keepsPrepared };
}
