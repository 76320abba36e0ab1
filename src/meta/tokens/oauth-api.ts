import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.ts';
import { SecretString } from '../../platform/secret-string.ts';
import type { DialogFlow } from '../dialog/product-scopes.ts';
import { MetaError } from '../errors/meta-error.ts';
import type { GraphCall } from '../graph/graph-call.ts';
import { type GraphResponse, GraphTransport } from '../graph/graph-transport.ts';
import {
  asObject,
  field,
  type JsonObject,
  objectsOf,
  readId,
  readStringList,
  readText,
} from '../graph/lossless-json.ts';
import { QueryFallback } from '../graph/query-fallback.ts';
import type { CredentialKind } from './credential-kind.ts';
import { readTokenExpiry, type TokenExpiry } from './token-expiry.ts';

/** A token that Meta gave, as far as the answer tells; the truth is in its inspection. */
export interface GrantedToken {
  accessToken: SecretString;
  /** Null: never. `unknown`: not said, which is common (META.md 3). */
  expiresAt: TokenExpiry;
  /** Instagram, Threads. Instagram's may be the app-scoped id; inspection gives the one that webhooks name. */
  metaUserId?: string;
  scopes?: string[];
}

/** Page tokens are not exchanged, but derived from their user's (DiscoveryApi.pageToken). */
export type ExchangeableKind = Exclude<CredentialKind, 'page'>;

export interface CodeExchange {
  flow: DialogFlow;
  code: SecretString;
  /** Byte for byte the dialog's; null for codes of the JS SDK (META.md 2). */
  redirectUri: string | null;
}

/** Codes and tokens for tokens (META.md 2, 3, 6, 7, 9). All methods throw `MetaError`. */
@Injectable()
export class OAuthApi {
  private readonly queryFallback = {
    instagram_user: { exchange: new QueryFallback(), refresh: new QueryFallback() },
    threads_user: { exchange: new QueryFallback(), refresh: new QueryFallback() },
  };

  constructor(
    @Inject(GraphTransport) private readonly transport: GraphTransport,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Never repeated once it may have arrived: codes are single use. Look at `mayHaveCommitted` of the error. */
  async exchangeCode(exchange: CodeExchange): Promise<GrantedToken> {
    try {
      return await this.sendCode(exchange, exchange.redirectUri);
    } catch (error) {
      // Docs leave redirect_uri out for SDK codes, Meta's own sample sends it empty (META.md 2). A refusal for its sake
      // alone is definite: no token was given.
      if (exchange.redirectUri !== null || !isRedirectRefusal(error)) throw error;
      return this.sendCode(exchange, '');
    }
  }

  /** A short-lived token for one of about 60 days. The short one stays valid until its own end. May be repeated. */
  async exchangeForLongLived(kind: ExchangeableKind, token: SecretString): Promise<GrantedToken> {
    switch (kind) {
      case 'user':
      case 'system_user':
        return this.facebookExchange('exchange_long_lived', token, {});
      case 'instagram_user':
        return this.exchangeByGet(kind, 'ig_exchange_token', token);
      case 'threads_user':
        return this.exchangeByGet(kind, 'th_exchange_token', token);
    }
  }

  /** A fresh token for one that still lives (CONTRACT 6.1). An expired one cannot be renewed: dead, 190/463. */
  async refresh(kind: ExchangeableKind, token: SecretString): Promise<GrantedToken> {
    switch (kind) {
      case 'user':
        return this.facebookExchange('renew_user', token, {});
      case 'system_user':
        return this.facebookExchange('renew_system_user', token, { set_token_expires_in_60_days: 'true' });
      case 'instagram_user':
        return this.refreshByGet(kind, 'ig_refresh_token', token);
      case 'threads_user':
        return this.refreshByGet(kind, 'th_refresh_token', token);
    }
  }

  private async sendCode({ flow, code }: CodeExchange, redirectUri: string | null): Promise<GrantedToken> {
    const host = this.transport.host(
      flow === 'instagram_login' ? 'instagram_api' : flow === 'threads_login' ? 'threads' : 'facebook',
    );
    return this.requestToken({
      operation: 'exchange_code',
      context: 'code_exchange',
      host: host.name,
      method: 'POST',
      path: host.name === 'facebook' ? `/${host.version}/oauth/access_token` : '/oauth/access_token',
      form: {
        client_id: host.app.id,
        client_secret: host.app.secret.expose(),
        grant_type: 'authorization_code',
        ...(redirectUri === null ? {} : { redirect_uri: redirectUri }),
        code: code.expose(),
      },
      auth: { by: 'none' },
      effect: 'once',
      acceptForm: true,
    });
  }

  private async facebookExchange(
    operation: string,
    token: SecretString,
    extra: Record<string, string>,
  ): Promise<GrantedToken> {
    const { app, version } = this.transport.host('facebook');
    return this.requestToken({
      operation,
      context: 'token_exchange',
      host: 'facebook',
      method: 'POST',
      path: `/${version}/oauth/access_token`,
      form: {
        grant_type: 'fb_exchange_token',
        client_id: app.id,
        client_secret: app.secret.expose(),
        fb_exchange_token: token.expose(),
        ...extra,
      },
      auth: { by: 'none' },
      effect: 'repeatable',
      acceptForm: true,
    });
  }

  /** GET only, and the secret has no other place than the address (META.md 7, 9). */
  private async exchangeByGet(
    kind: 'instagram_user' | 'threads_user',
    grantType: string,
    token: SecretString,
  ): Promise<GrantedToken> {
    const host = this.transport.host(kind === 'instagram_user' ? 'instagram' : 'threads');
    const call: Omit<GraphCall, 'auth'> = {
      operation: 'exchange_long_lived',
      context: 'token_exchange',
      host: host.name,
      method: 'GET',
      path: '/access_token',
      query: { grant_type: grantType, client_secret: host.app.secret.expose() },
      effect: 'repeatable',
    };
    return this.withHeaderOrQuery(this.queryFallback[kind].exchange, call, token);
  }

  /** GET only; at least 24 hours old, not expired (META.md 7, 9). No secret is sent. */
  private async refreshByGet(
    kind: 'instagram_user' | 'threads_user',
    grantType: string,
    token: SecretString,
  ): Promise<GrantedToken> {
    const call: Omit<GraphCall, 'auth'> = {
      operation: `renew_${kind}`,
      context: 'token_refresh',
      host: kind === 'instagram_user' ? 'instagram' : 'threads',
      method: 'GET',
      path: '/refresh_access_token',
      query: { grant_type: grantType },
      effect: 'repeatable',
    };
    return this.withHeaderOrQuery(this.queryFallback[kind].refresh, call, token);
  }

  private withHeaderOrQuery(
    queryFallback: QueryFallback,
    call: Omit<GraphCall, 'auth'>,
    token: SecretString,
  ): Promise<GrantedToken> {
    return queryFallback.run(
      () => this.requestToken({ ...call, auth: { by: 'credential', token, proof: false } }),
      () =>
        this.requestToken({ ...call, query: { ...call.query, access_token: token.expose() }, auth: { by: 'none' } }),
    );
  }

  private async requestToken(call: GraphCall): Promise<GrantedToken> {
    const response = await this.transport.call(call);
    const granted = readGrantedToken(response, this.clock.now());
    if (granted !== null) return granted;
    throw new MetaError({
      verdict: { kind: 'transient' },
      httpStatus: response.status,
      operation: call.operation,
      mayHaveCommitted: true,
    });
  }
}

function isRedirectRefusal(error: unknown): boolean {
  if (!(error instanceof MetaError) || error.mayHaveCommitted) return false;
  const { verdict } = error;
  return (
    (verdict.kind === 'code_rejected' && verdict.why === 'redirect_mismatch') ||
    (verdict.kind === 'configuration' && verdict.what === 'redirect_uri')
  );
}

/** All recorded token answers: flat, `data: [{…}]`, ids as numbers, `permissions` as list or words (META.md 7). Null: no token in it. */
function readGrantedToken(response: GraphResponse, now: Date): GrantedToken | null {
  const outer = asObject(response.json);
  const body: JsonObject | null = objectsOf(field(outer, 'data'))[0] ?? outer;
  const token = readText(body, 'access_token');
  if (body === null || token === null) return null;
  const metaUserId = readId(body, 'user_id');
  const scopes = readStringList(body, 'permissions');
  return {
    accessToken: new SecretString(token),
    expiresAt: readTokenExpiry(body, now),
    ...(metaUserId === null ? {} : { metaUserId }),
    ...(scopes === null ? {} : { scopes }),
  };
}
