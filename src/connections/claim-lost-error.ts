/** Another replica has taken over, so this one must not write its results. */
export class ClaimLostError extends Error {
  constructor(what: string) {
    super(`${what} has been taken over by another replica`);
    this.name = 'ClaimLostError';
  }
}

/** Checks a write under a claim: it touches one row, or none if the claim was lost. */
export function requireClaim(written: number, what: string): void {
  if (written !== 1) throw new ClaimLostError(what);
}
