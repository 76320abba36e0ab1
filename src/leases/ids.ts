import type { Id } from '../platform/ids.ts';

export type LeaseId = Id<'lse'>;
