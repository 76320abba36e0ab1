/** Builds what browsers load, if its sources have changed. Returns whether it did. */
export function buildCustomerPages(): Promise<boolean>;
