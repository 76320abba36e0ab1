import type { Id } from '../platform/ids.ts';

export type PrivacyRequestId = Id<'prq'>;
