import type { Refusal } from './refusal.ts';

/** Port for refusals. Implemented by the audit module, which this module must not import. */
export abstract class RefusalListener {
  /** Never rejects: a refusal stands even if it can't be recorded. */
  abstract report(refusal: Refusal): Promise<void>;
}
