import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { requireApp } from '../graph/app-credentials.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import { GraphTransport } from '../graph/graph-transport.ts';
import { type GrantedToken, readGrantedToken } from './granted-token.ts';

export interface TokenGeneration {
  /** Of the system user itself. */
  token: SecretString;
  /** The app-scoped id, as `debug_token` names it: the one that Meta's page puts into the address, and not the Business Manager's. */
  systemUserId: string;
  scopes: readonly string[];
  /** Left out where false: for some businesses false is an error. */
  expiresIn60Days: boolean;
}

/** Tokens of system users (Meta's page "Install Apps, Generate, Refresh, and Revoke Tokens"). All methods throw `MetaError`. */
@Injectable()
export class SystemUserApi {
  constructor(
    @Inject(GraphTransport) private readonly transport: GraphTransport,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /**
   * Another token of the same system user; the old one lives on. Never repeated once it may have arrived, because each call makes a token:
   * look at `mayHaveCommitted` of the error. A refusal may mean that our app is not installed for the system user (Meta documents no code for
   * it): where the code allows that, it is installed, and the token is asked for once more.
   */
  async generateToken(generation: TokenGeneration): Promise<GrantedToken> {
    try {
      return await this.sendGeneration(generation);
    } catch (error) {
      if (!mayLackInstallation(error) || !(await this.canInstallApp(generation))) throw error;
      return this.sendGeneration(generation);
    }
  }

  private async sendGeneration({
    token,
    systemUserId,
    scopes,
    expiresIn60Days,
  }: TokenGeneration): Promise<GrantedToken> {
    const operation = 'generate_system_user_token';
    const host = this.transport.host('facebook');
    const response = await this.transport.call({
      operation,
      context: 'graph',
      host: 'facebook',
      method: 'POST',
      path: `/${host.version}/${requireGraphId(systemUserId)}/access_tokens`,
      form: {
        business_app: requireApp(host, operation).id,
        scope: scopes.join(','),
        ...(expiresIn60Days ? { set_token_expires_in_60_days: 'true' } : {}),
      },
      auth: { by: 'credential', token },
      effect: 'once',
    });
    const granted = readGrantedToken(response, this.clock.now());
    if (granted !== null) return granted;
    throw unusableResponseError(operation, response.status, true);
  }

  /** False where Meta refuses that too: then the first refusal stands. */
  private async canInstallApp({ token, systemUserId }: TokenGeneration): Promise<boolean> {
    const operation = 'install_app_for_system_user';
    const host = this.transport.host('facebook');
    try {
      await this.transport.call({
        operation,
        context: 'graph',
        host: 'facebook',
        method: 'POST',
        path: `/${host.version}/${requireGraphId(systemUserId)}/applications`,
        form: { business_app: requireApp(host, operation).id },
        auth: { by: 'credential', token },
        effect: 'repeatable',
      });
      return true;
    } catch (error) {
      if (error instanceof MetaError) return false;
      throw error;
    }
  }
}

/** 10, 200 to 299 and their like, and 100, which is also "no such object, or no permission for it": a definite refusal, so no token was made. */
function mayLackInstallation(error: unknown): boolean {
  if (!(error instanceof MetaError) || error.mayHaveCommitted) return false;
  const { verdict, cause } = error;
  return verdict.kind === 'permission' || cause.code === 100;
}
