import type { Id } from '../platform/ids.ts';

export type AuditEntryId = Id<'aud'>;
