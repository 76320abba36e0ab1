import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client/http-client.ts';
import type { Pino } from '../../platform/logger.ts';

/** The keys can't be had at the moment: what they should prove is neither proven nor refuted. */
export class IssuerUnavailable extends Error {
  constructor(issuer: string, options?: ErrorOptions) {
    super(`the keys of ${issuer} can not be had`, options);
    this.name = 'IssuerUnavailable';
  }
}

const TIMEOUT_MS = 3_000;
const MOST_DOCUMENT_BYTES = 64 * 1024;
const MOST_JWKS_BYTES = 256 * 1024;
const MOST_KEYS = 100;
/** From then on keys are read again, beside the requests. */
const FRESH_MS = 10 * 60_000;
/** So long they serve while the issuer does not answer: then a key that it withdrew meanwhile is too likely among them. */
const LAST_MS = 60 * 60_000;
/** Between two readings, whoever asks for whatever key; the second after one that failed. */
const COOLDOWN_MS = 30_000;
const RETRY_MS = 5_000;

interface KnownKeys {
  find: ReturnType<typeof createLocalJWKSet>;
  readAtMs: number;
}

/**
 * The signing keys of one issuer, found by OpenID Connect Discovery 1.0 and kept. Whatever tokens come, it is asked every half minute at the
 * most, every 5 seconds while it fails, and once at a time; requests wait for it only where no key is known that could serve.
 */
export class IssuerKeys {
  #known: KnownKeys | null = null;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #failed = false;
  #reading: Promise<void> | null = null;

  constructor(
    private readonly issuer: string,
    private readonly http: HttpClient,
    private readonly clock: Clock,
    private readonly logger: Pino,
  ) {}

  /** For `jwtVerify`. Throws jose's `JWKSNoMatchingKey` where the issuer has no such key, `IssuerUnavailable` where it can't be asked. */
  readonly keyFor: JWTVerifyGetKey = async (header, token) => {
    if (this.usable() === null) await this.read();
    else if (this.ageMs() > FRESH_MS) void this.read();
    const keys = this.usable();
    if (keys === null) throw new IssuerUnavailable(this.issuer);
    try {
      return await keys.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    // The issuer may have a new key since.
    await this.read();
    if (this.#failed) throw new IssuerUnavailable(this.issuer);
    return (this.usable() ?? keys).find(header, token);
  };

  private usable(): KnownKeys | null {
    return this.ageMs() <= LAST_MS ? this.#known : null;
  }

  private ageMs(): number {
    return this.#known === null ? Number.POSITIVE_INFINITY : this.clock.now().getTime() - this.#known.readAtMs;
  }

  /** Reads the keys unless that was tried a moment ago. Never rejects: `#failed` tells. */
  private async read(): Promise<void> {
    if (this.#reading === null) {
      const now = this.clock.now().getTime();
      if (now - this.#triedAtMs < (this.#failed ? RETRY_MS : COOLDOWN_MS)) return;
      this.#triedAtMs = now;
      this.#reading = this.fetchKeys()
        .then((jwks) => {
          this.#known = { find: createLocalJWKSet(jwks), readAtMs: now };
          this.#failed = false;
        })
        .catch((error: unknown) => {
          this.#failed = true;
          this.logger.warn({ err: error, issuer: this.issuer }, 'the keys of an issuer could not be read');
        })
        .finally(() => {
          this.#reading = null;
        });
    }
    await this.#reading;
  }

  private async fetchKeys(): Promise<JSONWebKeySet> {
    const document = await this.fetchJson(
      `${this.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      MOST_DOCUMENT_BYTES,
    );
    if (document['issuer'] !== this.issuer) throw new Error('the discovery document names another issuer');
    const address = document['jwks_uri'];
    if (typeof address !== 'string' || !URL.canParse(address))
      throw new Error('the discovery document names no jwks_uri');
    // An issuer that is reached safely can't send us where others listen in.
    const { protocol, username } = new URL(address);
    const isSafe = protocol === 'https:' || (protocol === 'http:' && this.issuer.startsWith('http:'));
    if (!isSafe || username !== '') throw new Error('the jwks_uri is not one of https');
    const { keys } = await this.fetchJson(address, MOST_JWKS_BYTES);
    if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw new Error('the answer of jwks_uri is no set of keys');
    return { keys: keys as JSONWebKeySet['keys'] };
  }

  private async fetchJson(url: string, maxBytes: number): Promise<Record<string, unknown>> {
    const headers = { accept: 'application/json' };
    const { status, body } = await this.http.send({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS, maxBytes });
    if (status !== 200) throw new Error(`${url} answers ${status}`);
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null) throw new Error(`${url} answers no JSON object`);
    return parsed as Record<string, unknown>;
  }
}
