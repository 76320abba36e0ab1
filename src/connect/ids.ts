import type { Id } from '../platform/ids.ts';

export type ConnectSessionId = Id<'cns'>;
