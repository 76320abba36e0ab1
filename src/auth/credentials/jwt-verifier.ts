import { Inject, Injectable } from '@nestjs/common';
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { Config } from '../../config/config.ts';
import { Clock } from '../../platform/clock.ts';
import { HttpClient } from '../../platform/http-client/http-client.ts';
import { LOGGER, type Pino } from '../../platform/logger.ts';
import { AppError, defineProblem } from '../../platform/problem.ts';
import { SUBJECT_PATTERN } from '../client-identity.ts';
import { IssuerKeys, IssuerUnavailableError } from './issuer-keys.ts';
import { RejectedCredential } from './rejected-credential.ts';

declare module '../../platform/problem.ts' {
  interface ProblemCodes {
    identity_unavailable: true;
  }
}

const identityUnavailable = defineProblem(
  'identity_unavailable',
  503,
  'The token could not be verified because its issuer does not respond.',
  'Retry with the same token after the time in Retry-After.',
);

/** The identity in a token whose signature verified. */
export interface VerifiedIdentity {
  issuer: string;
  subject: string;
  /** Those of the token's audiences that are in `OIDC_AUDIENCE`. */
  audiences: string[];
  expiresAt: Date;
}

/** Compact JWS (RFC 7515, section 3.1) whose header is a JSON object. */
const JWT_PATTERN = /^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const MAX_TOKEN_LENGTH = 8 * 1024;
/** Asymmetric signatures only: with `none` or HS256 (keyed with the public key), anyone could sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCK_TOLERANCE_SECONDS = 30;
/** Types of access and ID tokens; Kubernetes sets none. Rejects other JWTs of an issuer, such as logout tokens. */
const TYPES = new Set(['jwt', 'at+jwt', 'application/at+jwt']);
const RETRY_WINDOW_SECONDS = 5;

/** Verifies JWTs of the issuers in `OIDC_ISSUERS`, such as Kubernetes service accounts and CI jobs. */
@Injectable()
export class JwtVerifier {
  readonly #issuers: ReadonlyMap<string, IssuerKeys>;
  readonly #audiences: readonly string[];

  constructor(
    config: Config,
    http: HttpClient,
    private readonly clock: Clock,
    @Inject(LOGGER) logger: Pino,
  ) {
    const { issuers, audiences } = config.oidc;
    this.#issuers = new Map(issuers.map((issuer) => [issuer, new IssuerKeys(issuer, http, clock, logger)]));
    this.#audiences = audiences;
  }

  /** Whether to verify a credential as a JWT. Always false if no issuers are configured. */
  isJwtCandidate(credential: string): boolean {
    return this.#issuers.size > 0 && JWT_PATTERN.test(credential);
  }

  /** Returns the identity, or why the token is rejected. Throws 503 `identity_unavailable`. */
  async verify(token: string): Promise<VerifiedIdentity | RejectedCredential> {
    const issuer = token.length > MAX_TOKEN_LENGTH ? undefined : readUnverifiedIssuer(token);
    if (issuer === undefined) return new RejectedCredential('invalid_token');
    const keys = this.#issuers.get(issuer);
    if (keys === undefined) return new RejectedCredential('unknown_issuer');
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys.getKey, {
        issuer,
        audience: [...this.#audiences],
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: this.clock.now(),
        requiredClaims: ['exp', 'sub'],
      });
      const hasAllowedType = protectedHeader.typ === undefined || TYPES.has(protectedHeader.typ.toLowerCase());
      return (
        (hasAllowedType ? this.toVerifiedIdentity(issuer, payload) : null) ?? new RejectedCredential('invalid_token')
      );
    } catch (error) {
      if (error instanceof errors.JWTExpired) return new RejectedCredential('expired_token');
      if (error instanceof errors.JOSEError) return new RejectedCredential('invalid_token');
      if (error instanceof IssuerUnavailableError) {
        throw new AppError(identityUnavailable, { retryAfterSeconds: RETRY_WINDOW_SECONDS, cause: error });
      }
      // The runtime can't import this kind of key.
      return new RejectedCredential('invalid_token');
    }
  }

  private toVerifiedIdentity(issuer: string, { sub, aud, exp, iat }: JWTPayload): VerifiedIdentity | null {
    const latest = this.clock.now().getTime() / 1000 + CLOCK_TOLERANCE_SECONDS;
    if (sub === undefined || !SUBJECT_PATTERN.test(sub) || exp === undefined || (iat !== undefined && iat > latest))
      return null;
    const named = Array.isArray(aud) ? aud : [aud];
    const audiences = this.#audiences.filter((audience) => named.includes(audience));
    return { issuer, subject: sub, audiences, expiresAt: new Date(exp * 1000) };
  }
}

/** Unverified, so use it only to select the issuer's keys. */
function readUnverifiedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}
