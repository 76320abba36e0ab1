import type { Id } from '../platform/ids.ts';

/** A link that signs in once. */
export type SignInLinkId = Id<'sil'>;
