/** The form of a subject: text that terminals, logs and Postgres can hold. CI environments have names with spaces. */
export const SUBJECT_PATTERN = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,500}$/u;

/** The JWTs of one subject at one issuer, for one audience: all three are compared exactly. */
export interface ClientIdentity {
  issuer: string;
  audience: string;
  subject: string;
}
