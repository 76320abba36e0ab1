/** How often a request checks whether a claim held elsewhere is free. */
export const CLAIM_POLL_INTERVAL_MS = 150;
/** How long it keeps checking. */
export const MAX_CLAIM_WAIT_MS = 10_000;
