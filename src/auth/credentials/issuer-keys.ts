import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client/http-client.ts';
import type { Pino } from '../../platform/logger.ts';

/** The issuer's keys can't be fetched, so a token can be neither verified nor rejected. */
export class IssuerUnavailableError extends Error {
  constructor(issuer: string, options?: ErrorOptions) {
    super(`the keys of ${issuer} are unavailable`, options);
    this.name = 'IssuerUnavailableError';
  }
}

const TIMEOUT_MS = 3_000;
const MAX_DOCUMENT_BYTES = 64 * 1024;
const MAX_JWKS_BYTES = 256 * 1024;
const MAX_KEYS = 100;
/** Age after which keys are refreshed in the background. */
const REFRESH_AFTER_MS = 10 * 60_000;
/** Maximum age of keys while the issuer doesn't respond. Older keys may have been withdrawn. */
const MAX_KEYS_AGE_MS = 60 * 60_000;
/** Minimum time between fetches, whatever tokens arrive: normally, and after a failure. */
const COOLDOWN_MS = 30_000;
const RETRY_MS = 5_000;

interface CachedKeySet {
  find: ReturnType<typeof createLocalJWKSet>;
  readAtMs: number;
}

/**
 * Caches the signing keys of one issuer, found by OpenID Connect Discovery 1.0. Asks the issuer at most every 30
 * seconds (every 5 after a failure), one fetch at a time. Requests wait only if no cached key can match.
 */
export class IssuerKeys {
  #keySet: CachedKeySet | null = null;
  #lastAttemptAtMs = Number.NEGATIVE_INFINITY;
  #failed = false;
  #pendingRefresh: Promise<void> | null = null;

  constructor(
    private readonly issuer: string,
    private readonly http: HttpClient,
    private readonly clock: Clock,
    private readonly logger: Pino,
  ) {}

  /**
   * Key function for `jwtVerify`. Throws jose's `JWKSNoMatchingKey` if the issuer has no such key,
   * `IssuerUnavailableError` if it can't be reached.
   */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    if (this.usableKeySet() === null) await this.refresh();
    else if (this.ageMs() > REFRESH_AFTER_MS) void this.refresh();
    const keys = this.usableKeySet();
    if (keys === null) throw new IssuerUnavailableError(this.issuer);
    try {
      return await keys.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    // The issuer may have added a key.
    await this.refresh();
    if (this.#failed) throw new IssuerUnavailableError(this.issuer);
    return (this.usableKeySet() ?? keys).find(header, token);
  };

  private usableKeySet(): CachedKeySet | null {
    return this.ageMs() <= MAX_KEYS_AGE_MS ? this.#keySet : null;
  }

  private ageMs(): number {
    return this.#keySet === null ? Number.POSITIVE_INFINITY : this.clock.now().getTime() - this.#keySet.readAtMs;
  }

  /** Fetches the keys, at most once per cooldown. Never rejects; sets `#failed`. */
  private async refresh(): Promise<void> {
    if (this.#pendingRefresh === null) {
      const now = this.clock.now().getTime();
      if (now - this.#lastAttemptAtMs < (this.#failed ? RETRY_MS : COOLDOWN_MS)) return;
      this.#lastAttemptAtMs = now;
      this.#pendingRefresh = this.fetchKeys()
        .then((jwks) => {
          this.#keySet = { find: createLocalJWKSet(jwks), readAtMs: now };
          this.#failed = false;
        })
        .catch((error: unknown) => {
          this.#failed = true;
          this.logger.warn({ err: error, issuer: this.issuer }, 'could not fetch the keys of an issuer');
        })
        .finally(() => {
          this.#pendingRefresh = null;
        });
    }
    await this.#pendingRefresh;
  }

  private async fetchKeys(): Promise<JSONWebKeySet> {
    const document = await this.fetchJson(
      `${this.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      MAX_DOCUMENT_BYTES,
    );
    if (document['issuer'] !== this.issuer) throw new Error('the discovery document names another issuer');
    const address = document['jwks_uri'];
    if (typeof address !== 'string' || !URL.canParse(address))
      throw new Error('the discovery document names no jwks_uri');
    // An https issuer must not downgrade us to http.
    const { protocol, username } = new URL(address);
    const isSafe = protocol === 'https:' || (protocol === 'http:' && this.issuer.startsWith('http:'));
    if (!isSafe || username !== '') throw new Error('the jwks_uri is not an https address');
    const { keys } = await this.fetchJson(address, MAX_JWKS_BYTES);
    if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new Error('the response of jwks_uri is not a key set');
    return { keys: keys as JSONWebKeySet['keys'] };
  }

  private async fetchJson(url: string, maxBytes: number): Promise<Record<string, unknown>> {
    const headers = { accept: 'application/json' };
    const { status, body } = await this.http.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS, maxBytes });
    if (status !== 200) throw new Error(`${url} responds with ${status}`);
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null) throw new Error(`${url} did not return a JSON object`);
    return parsed as Record<string, unknown>;
  }
}
