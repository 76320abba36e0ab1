/** How often a request looks again for a claim that another replica, or a sweep of this one, holds. */
export const CLAIM_POLL_INTERVAL_MS = 150;
/** For how long it does. */
export const MAX_CLAIM_WAIT_MS = 10_000;
