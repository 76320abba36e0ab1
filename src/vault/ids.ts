import type { Id } from '../platform/ids.ts';

export type KekId = Id<'kek'>;
export type SecretId = Id<'sec'>;
export type PayloadKeyId = Id<'pky'>;
