import type { AppCredentials } from '../../config/config.ts';
import type { DialogFlow, TokenKind } from '../../config/products.ts';
import type { Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { loginFlow } from '../dialog/login-flows.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { requireApp } from '../graph/app-credentials.ts';
import type { GraphCall } from '../graph/graph-call.ts';
import type { GraphHost } from '../graph/graph-host.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import type { QueryFallback } from '../graph/query-fallback.ts';
import { type GrantedToken, readGrantedToken } from './granted-token.ts';
import { type TokenGrant, tokenKind } from './token-kinds.ts';

interface CodeExchange {
  flow: DialogFlow;
  code: SecretString;
  /** Exactly as in the dialog; null for codes of the JS SDK (docs/meta-facts.md#code-exchange). */
  redirectUri: string | null;
}

/** Exchanges codes and tokens for tokens (docs/meta-facts.md#code-exchange). Methods throw `MetaError`. */
export class OAuthApi {
  constructor(
    private readonly transport: GraphTransport,
    private readonly clock: Clock,
  ) {}

  /**
   * Exchanges a code. Never retried once it may have arrived, because codes work once: see `mayHaveCommitted` of the
   * error.
   */
  async exchangeCode(exchange: CodeExchange): Promise<GrantedToken> {
    try {
      return await this.sendCode(exchange, exchange.redirectUri);
    } catch (error) {
      // For SDK codes Meta's docs omit redirect_uri, and Meta's sample sends it empty. If Meta refuses only the
      // redirect_uri, no token was issued, so the other form is safe to try.
      if (exchange.redirectUri !== null || !isRedirectRefusal(error)) throw error;
      return this.sendCode(exchange, '');
    }
  }

  /** Exchanges a short-lived token for one of about 60 days. The old token stays valid until its expiry. Repeatable. */
  async exchangeForLongLived(kind: TokenKind, token: SecretString): Promise<GrantedToken> {
    return this.exchange(kind, tokenKind(kind).exchange?.grant ?? null, token);
  }

  /** Exchanges a valid token for a fresh one. Expired tokens cannot be refreshed: `dead`, 190/463. */
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
    if (grant === null) throw new Error(`Meta does not exchange tokens of kind ${kind}.`);
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
    return this.withHeaderOrQuery(this.transport.queryFallback(grant.grantType), call, token);
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
