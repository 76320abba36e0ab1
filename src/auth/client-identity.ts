/** Printable text, which is safe in terminals, logs and Postgres. Subjects of CI environments may contain spaces. */
export const SUBJECT_PATTERN = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,500}$/u;

/** Identifies a client by the claims of its JWTs. All three are compared exactly. */
export interface ClientIdentity {
  issuer: string;
  audience: string;
  subject: string;
}
