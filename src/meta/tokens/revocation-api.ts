import { Inject, Injectable } from '@nestjs/common';
import type { TokenKind } from '../../config/products.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { requireApp } from '../graph/app-credentials.ts';
import type { GraphAuth, GraphCall } from '../graph/graph-call.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import { type GraphResponse, GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field } from '../graph/lossless-json.ts';
import { QueryFallback } from '../graph/query-fallback.ts';
import { tokenKind } from './token-kinds.ts';

interface RevocationRequest {
  kind: TokenKind;
  token: SecretString;
  /** App-scoped id of the user; allows the call by our app token where the user's own token is dead already. */
  metaUserId: string | null;
}

/** `confirmed`: Meta says so, or says that it was so already. `not_supported`: Meta has no call for this kind. */
type RevocationOutcome = 'confirmed' | 'not_supported';

/** Taking a grant back at Meta (META.md 6, 10). */
@Injectable()
export class RevocationApi {
  private readonly queryFallback = new QueryFallback();

  constructor(@Inject(GraphTransport) private readonly transport: GraphTransport) {}

  /**
   * Users: removes the user's whole grant for the app (all tokens of it, page tokens too). System users: ends this token;
   * business-integration ones, for which Meta documents nothing, end as `not_supported` when it refuses. Throws `MetaError` where a later try may help.
   */
  async revoke(request: RevocationRequest): Promise<RevocationOutcome> {
    switch (tokenKind(request.kind).revocation) {
      case 'grant':
        return this.revokeGrant(request);
      case 'token':
        return this.revokeSystemUserToken(request.token);
      case null:
        return 'not_supported';
    }
  }

  private async revokeGrant({ token, metaUserId }: RevocationRequest): Promise<RevocationOutcome> {
    try {
      return await this.deletePermissions(metaUserId ?? 'me', { by: 'credential', token });
    } catch (error) {
      if (metaUserId === null || !isTokenError(error)) throw error;
      return this.deletePermissions(metaUserId, { by: 'app' });
    }
  }

  private async deletePermissions(node: string, auth: GraphAuth): Promise<RevocationOutcome> {
    return this.sendRevocation({
      operation: 'revoke_grant',
      context: auth.by === 'app' ? 'app_call' : 'graph',
      host: 'facebook',
      method: 'DELETE',
      path: `/${this.transport.host('facebook').version}/${requireGraphId(node)}/permissions`,
      auth,
      effect: 'repeatable',
    });
  }

  /** `oauth/revoke`, authenticated by the token itself (META.md 6). */
  private async revokeSystemUserToken(token: SecretString): Promise<RevocationOutcome> {
    try {
      return await this.revokeToken(token, token);
    } catch (error) {
      const kind = error instanceof MetaError ? error.verdict.kind : null;
      if (kind === 'permission' || kind === 'parameter') return 'not_supported';
      throw error;
    }
  }

  /**
   * Ends this one token of a system user, authenticated by another one of the same user, or by itself; other tokens live on. A 200 is
   * Meta's confirmation, whatever its body (which Meta does not document) unless it says `success: false`. Throws `MetaError`.
   */
  async revokeToken(token: SecretString, by: SecretString): Promise<'confirmed'> {
    const operation = 'revoke_system_user_token';
    const host = this.transport.host('facebook');
    const app = requireApp(host, operation);
    const call: Omit<GraphCall, 'method' | 'auth'> = {
      operation,
      context: 'token_exchange',
      host: 'facebook',
      path: `/${host.version}/oauth/revoke`,
      effect: 'repeatable',
    };
    const secrets = { client_id: app.id, client_secret: app.secret.expose(), revoke_token: token.expose() };
    const auth: GraphAuth = { by: 'credential', token: by };
    return this.queryFallback.run(
      () => this.sendRevocation({ ...call, method: 'POST', form: { method: 'get', ...secrets }, auth }),
      () => this.sendRevocation({ ...call, method: 'GET', query: secrets, auth }),
    );
  }

  /** 190/458 means that the grant is already gone (META.md 10). */
  private async sendRevocation(call: GraphCall): Promise<'confirmed'> {
    let response: GraphResponse;
    try {
      response = await this.transport.call(call);
    } catch (error) {
      if (error instanceof MetaError && error.cause.code === 190 && error.cause.subcode === 458) return 'confirmed';
      throw error;
    }
    const success = response.json === true || field(asObject(response.json), 'success');
    if (success !== false && success !== 'false') return 'confirmed';
    throw unusableResponseError(call.operation, response.status, true);
  }
}

function isTokenError(error: unknown): boolean {
  return error instanceof MetaError && (error.verdict.kind === 'dead' || error.verdict.kind === 'suspect');
}
