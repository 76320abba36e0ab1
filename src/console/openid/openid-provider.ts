import { Injectable, type OnModuleInit } from '@nestjs/common';
import * as openid from 'openid-client';
import { Config, type ConsoleOidcConfig } from '../../config/config.ts';
import { Clock } from '../../platform/clock.ts';
import { HttpClient } from '../../platform/http-client/http-client.ts';
import { MAX_SESSION_SECONDS } from '../sessions/console-session.ts';
import { type Claims, checkRoles, hasRoleClaim } from './claims-mapping.ts';
import { OpenIdError } from './open-id-error.ts';
import { createProviderFetch } from './provider-fetch.ts';
import type { AttemptProofs } from './sign-in-attempt.ts';

/** How long the provider's metadata is trusted. */
const METADATA_AGE_MS = 60 * 60_000;
const CALLBACK_PATH = '/console/sign-in/oidc/callback';

/** A person whose identity the provider has proven. */
export interface VerifiedPerson {
  subject: string;
  claims: Claims;
  /** `auth_time`: when the person proved who they are. Null: the provider doesn't say. */
  authenticatedAt: Date | null;
}

/** The identity provider: OpenID Connect Core 1.0, code flow with PKCE, and RP-Initiated Logout 1.0. */
@Injectable()
export class OpenIdProvider implements OnModuleInit {
  #discovered: { configuration: Promise<openid.Configuration>; atMs: number } | null = null;

  constructor(
    private readonly config: Config,
    private readonly http: HttpClient,
    private readonly clock: Clock,
  ) {}

  /** Throws `ConfigError` if a role in the settings does not exist. */
  onModuleInit(): void {
    const { oidc } = this.config.console;
    if (oidc !== null) checkRoles(oidc);
  }

  /** Returns where to send the browser. Throws `OpenIdError` `provider_unavailable`. */
  async authorizationUrl(
    settings: ConsoleOidcConfig,
    { state, nonce, codeVerifier }: AttemptProofs,
    isFresh: boolean,
  ): Promise<string> {
    const configuration = await this.discover(settings);
    const url = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: this.config.publicUrl + CALLBACK_PATH,
      scope: settings.scope,
      state,
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      // With max_age, the provider has to say in auth_time when the person proved who they are.
      ...(isFresh ? { max_age: '0', prompt: 'login' } : { max_age: String(MAX_SESSION_SECONDS) }),
    });
    return url.href;
  }

  /** Exchanges the code of a callback. Throws `OpenIdError`. */
  async redeem(settings: ConsoleOidcConfig, query: string, proofs: AttemptProofs): Promise<VerifiedPerson> {
    const configuration = await this.discover(settings);
    const callback = new URL(this.config.publicUrl + CALLBACK_PATH + query);
    try {
      const tokens = await openid.authorizationCodeGrant(configuration, callback, {
        expectedState: proofs.state,
        expectedNonce: proofs.nonce,
        pkceCodeVerifier: proofs.codeVerifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new OpenIdError('response_rejected');
      const { sub: subject, auth_time: authTime } = claims;
      const more = hasRoleClaim(settings, claims)
        ? {}
        : await this.userInfo(configuration, tokens.access_token, subject);
      const authenticatedAt = typeof authTime === 'number' ? new Date(authTime * 1_000) : null;
      return { subject, claims: { ...more, ...claims }, authenticatedAt };
    } catch (error) {
      throw toOpenIdError(error);
    }
  }

  /** Returns where a browser signs out at the provider; null if it has no such page, or doesn't answer. */
  async signOutUrl(): Promise<string | null> {
    const { oidc } = this.config.console;
    if (oidc === null) return null;
    const configuration = await this.discover(oidc).catch(() => null);
    if (configuration?.serverMetadata().end_session_endpoint === undefined) return null;
    return openid.buildEndSessionUrl(configuration, { post_logout_redirect_uri: `${this.config.publicUrl}/console` })
      .href;
  }

  /** Providers may keep claims out of ID tokens and return them here (OpenID Connect Core 1.0, section 5.3). */
  private async userInfo(configuration: openid.Configuration, token: string, subject: string): Promise<Claims> {
    if (configuration.serverMetadata().userinfo_endpoint === undefined) return {};
    return openid.fetchUserInfo(configuration, token, subject);
  }

  private async discover(settings: ConsoleOidcConfig): Promise<openid.Configuration> {
    const now = this.clock.now().getTime();
    if (this.#discovered === null || now - this.#discovered.atMs > METADATA_AGE_MS)
      this.#discovered = { configuration: this.readMetadata(settings), atMs: now };
    const { configuration } = this.#discovered;
    try {
      return await configuration;
    } catch (error) {
      if (this.#discovered?.configuration === configuration) this.#discovered = null;
      throw new OpenIdError('provider_unavailable', null, { cause: error });
    }
  }

  private readMetadata({ issuer, clientId, clientSecret }: ConsoleOidcConfig): Promise<openid.Configuration> {
    const authentication = clientSecret === null ? openid.None() : authenticateBySecret(clientSecret.expose());
    return openid.discovery(new URL(issuer), clientId, undefined, authentication, {
      [openid.customFetch]: createProviderFetch(this.http),
      execute: [
        openid.enableNonRepudiationChecks,
        // The settings allow http on loopback only, outside of production.
        ...(issuer.startsWith('http:') ? [openid.allowInsecureRequests] : []),
      ],
    });
  }
}

/** By the method that the provider accepts: `client_secret_basic` by default (OpenID Connect Discovery 1.0, 3). */
function authenticateBySecret(secret: string): openid.ClientAuth {
  const [basic, post] = [openid.ClientSecretBasic(secret), openid.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (methods.includes('client_secret_basic') ? basic : post)(server, ...rest);
  };
}

function toOpenIdError(error: unknown): OpenIdError {
  if (error instanceof OpenIdError) return error;
  if (error instanceof openid.AuthorizationResponseError)
    return new OpenIdError(error.error === 'access_denied' ? 'access_denied' : 'response_rejected', null, {
      cause: error,
    });
  // If the provider didn't answer, our HTTP client's error is the cause of openid-client's.
  const isSilent = error instanceof Error && (isNoResponse(error) || isNoResponse(error.cause));
  return new OpenIdError(isSilent ? 'provider_unavailable' : 'response_rejected', null, { cause: error });
}

function isNoResponse(error: unknown): boolean {
  return error instanceof Error && error.name === 'HttpRequestError';
}
