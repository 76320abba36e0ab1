import type { Refusal } from './refusal.ts';

/** Is notified of every refusal. Implemented by the audit module, which this module doesn't know. */
export abstract class RefusalListener {
  /** Never rejects: a refusal stands whether or not it could be recorded. */
  abstract report(refusal: Refusal): Promise<void>;
}
