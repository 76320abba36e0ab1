/** Why a sign-in with the identity provider failed, as `sign_in_error` of the console's address and in the record. */
export type OpenIdErrorCode =
  /** The browser has no attempt under way, or not this one: another site may have sent it here. */
  | 'attempt_missing'
  | 'attempt_expired'
  /** The person, or the provider, declined. */
  | 'access_denied'
  | 'provider_unavailable'
  /** The provider's answer doesn't prove who the person is. */
  | 'response_rejected'
  | 'role_missing'
  | 'tenants_missing'
  /** A fresh sign-in was requested, but the provider accepted an older one, or doesn't say when it was. */
  | 'sign_in_not_fresh';

/** A sign-in with the identity provider that failed. */
export class OpenIdError extends Error {
  constructor(
    readonly code: OpenIdErrorCode,
    /** The person's `sub`, once the provider has proven it. */
    readonly subject: string | null = null,
    options?: ErrorOptions,
  ) {
    super(`sign-in failed: ${code}`, options);
    this.name = 'OpenIdError';
  }
}
