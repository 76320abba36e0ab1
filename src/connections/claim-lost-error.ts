/** Another replica has taken this work over; whatever was being done here must not be written. */
export class ClaimLostError extends Error {
  constructor(what: string) {
    super(`${what} has been taken over by another replica`);
    this.name = 'ClaimLostError';
  }
}

/** For writes that name a claim, which touch one row or, where the claim is another's by now, none. */
export function requireClaim(written: number, what: string): void {
  if (written !== 1) throw new ClaimLostError(what);
}
