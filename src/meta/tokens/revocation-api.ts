import type { TokenKind } from '../../config/products.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { requireApp } from '../graph/app-credentials.ts';
import type { GraphAuth, GraphCall } from '../graph/graph-call.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import type { GraphResponse, GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field } from '../graph/lossless-json.ts';
import { tokenKind } from './token-kinds.ts';

interface RevocationRequest {
  kind: TokenKind;
  token: SecretString;
  /** App-scoped user id. With it our app token can revoke the grant of a token that is already dead. */
  metaUserId: string | null;
}

/** `confirmed`: Meta revoked it now or earlier. `not_supported`: Meta has no call for this kind. */
type RevocationOutcome = 'confirmed' | 'not_supported';

/** Revokes grants at Meta (docs/meta-facts.md#revoking-a-grant). */
export class RevocationApi {
  constructor(private readonly transport: GraphTransport) {}

  /**
   * Users: removes the user's whole grant for the app, Page tokens included. System users: ends this token. If Meta
   * refuses that for a business-integration system user, for which it documents no call, returns `not_supported`.
   * Throws `MetaError` if a retry may help.
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

  /** Calls `oauth/revoke`, authenticated by the token itself (docs/meta-facts.md#system-users). */
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
   * Ends one token of a system user, authenticated by itself or by another token of the same user. The body is
   * undocumented, so a 200 counts as confirmation unless it says `success: false`. Throws `MetaError`.
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
    return this.transport.queryFallback(operation).run(
      () => this.sendRevocation({ ...call, method: 'POST', form: { method: 'get', ...secrets }, auth }),
      () => this.sendRevocation({ ...call, method: 'GET', query: secrets, auth }),
    );
  }

  /** Treats 190/458 as success: the grant is already gone (docs/meta-facts.md#revoking-a-grant). */
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
