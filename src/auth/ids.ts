import type { Id } from '../platform/ids.ts';

export type ClientId = Id<'cli'>;
