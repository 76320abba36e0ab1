import type { Id } from '../platform/ids.ts';

export type ClientId = Id<'cli'>;
/** A person's session of the console. */
export type SessionId = Id<'ses'>;
/** The caller: a client, or the session of a person who has none. */
export type CallerId = ClientId | SessionId;
