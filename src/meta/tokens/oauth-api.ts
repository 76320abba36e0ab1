import { Inject, Injectable } from '@nestjs/common';
import type { AppCredentials } from '../../config/config.ts';
import type { DialogFlow, TokenKind } from '../../config/products.ts';
import { Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { loginFlow } from '../dialog/login-flows.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { requireApp } from '../graph/app-credentials.ts';
import type { GraphCall } from '../graph/graph-call.ts';
import type { GraphHost } from '../graph/graph-host.ts';
import { GraphTransport } from '../graph/graph-transport.ts';
import { QueryFallback } from '../graph/query-fallback.ts';
import { type GrantedToken, readGrantedToken } from './granted-token.ts';
import { type TokenGrant, tokenKind } from './token-kinds.ts';

interface CodeExchange {
  flow: DialogFlow;
  code: SecretString;
  /** Byte for byte the dialog's; null for codes of the JS SDK (META.md 2). */
  redirectUri: string | null;
}

/** Codes and tokens for tokens (META.md 2, 3, 6, 7, 9). All methods throw `MetaError`. */
@Injectable()
export class OAuthApi {
  /** By grant type. */
  readonly #queryFallbacks = new Map<string, QueryFallback>();

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
  async exchangeForLongLived(kind: TokenKind, token: SecretString): Promise<GrantedToken> {
    return this.exchange(kind, tokenKind(kind).exchange?.grant ?? null, token);
  }

  /** Exchanges a token that is still valid for a fresh one (CONTRACT 6.1). An expired one cannot be refreshed: dead, 190/463. */
  async refresh(kind: TokenKind, token: SecretString): Promise<GrantedToken> {
    return this.exchange(kind, tokenKind(kind).refresh, token);
  }

  private async sendCode({ flow, code }: CodeExchange, redirectUri: string | null): Promise<GrantedToken> {
    const { codeHost } = loginFlow(flow);
    if (codeHost === null) throw new Error(`The flow ${flow} has no codes.`);
    const operation = 'exchange_code';
    const host = this.transport.host(codeHost);
    const app = requireApp(host, operation);
    return this.requestToken({
      operation,
      context: 'code_exchange',
      host: host.name,
      method: 'POST',
      path: host.tokenPath,
      form: {
        client_id: app.id,
        client_secret: app.secret.expose(),
        grant_type: 'authorization_code',
        ...(redirectUri === null ? {} : { redirect_uri: redirectUri }),
        code: code.expose(),
      },
      auth: { by: 'none' },
      effect: 'once',
      acceptForm: true,
    });
  }

  private async exchange(kind: TokenKind, grant: TokenGrant | null, token: SecretString): Promise<GrantedToken> {
    if (grant === null) throw new Error(`Meta gives no other token for one of the kind ${kind}.`);
    const host = this.transport.host(tokenKind(kind).host);
    const app = requireApp(host, grant.operation);
    return grant.method === 'POST'
      ? this.exchangeByPost(host, app, grant, token)
      : this.exchangeByGet(host, app, grant, token);
  }

  private exchangeByPost(
    host: GraphHost,
    app: AppCredentials,
    grant: Extract<TokenGrant, { method: 'POST' }>,
    token: SecretString,
  ): Promise<GrantedToken> {
    return this.requestToken({
      operation: grant.operation,
      context: 'token_exchange',
      host: host.name,
      method: 'POST',
      path: host.tokenPath,
      form: {
        grant_type: grant.grantType,
        client_id: app.id,
        client_secret: app.secret.expose(),
        [grant.grantType]: token.expose(),
        ...grant.parameters,
      },
      auth: { by: 'none' },
      effect: 'repeatable',
      acceptForm: true,
    });
  }

  private exchangeByGet(
    host: GraphHost,
    app: AppCredentials,
    grant: Extract<TokenGrant, { method: 'GET' }>,
    token: SecretString,
  ): Promise<GrantedToken> {
    const call: Omit<GraphCall, 'auth'> = {
      operation: grant.operation,
      context: grant.sendsSecret ? 'token_exchange' : 'token_refresh',
      host: host.name,
      method: 'GET',
      path: grant.path,
      query: {
        grant_type: grant.grantType,
        ...(grant.sendsSecret ? { client_secret: app.secret.expose() } : {}),
      },
      effect: 'repeatable',
    };
    return this.withHeaderOrQuery(this.queryFallback(grant.grantType), call, token);
  }

  private queryFallback(grantType: string): QueryFallback {
    const existing = this.#queryFallbacks.get(grantType);
    if (existing !== undefined) return existing;
    const created = new QueryFallback();
    this.#queryFallbacks.set(grantType, created);
    return created;
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
    throw unusableResponseError(call.operation, response.status, true);
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
