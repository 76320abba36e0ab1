import type { Clock } from '../../platform/clock.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { requireApp } from '../graph/app-credentials.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { type GrantedToken, readGrantedToken } from './granted-token.ts';

export interface TokenGeneration {
  /** A token of the system user itself. */
  token: SecretString;
  /** The app-scoped id from `debug_token`, which Meta's page puts in the path, not the Business Manager id. */
  systemUserId: string;
  scopes: readonly string[];
  /** Sent only if true: some businesses get an error for false (docs/meta-facts.md#system-users). */
  expiresIn60Days: boolean;
}

/** Generates tokens of system users (docs/meta-facts.md#system-users). Methods throw `MetaError`. */
export class SystemUserApi {
  constructor(
    private readonly transport: GraphTransport,
    private readonly clock: Clock,
  ) {}

  /**
   * Generates another token of the same system user; the old one stays valid. Never retried once it may have arrived,
   * because each call creates a token: see `mayHaveCommitted` of the error. Meta documents no code for "app not
   * installed for this system user", so if the refusal may mean that, installs the app and tries once more.
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

  /** Installs the app for the system user. Returns false if Meta refuses, so that the first refusal counts. */
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

/**
 * Whether a definite refusal may mean a missing installation: permission errors, or 100, which covers missing objects.
 */
function mayLackInstallation(error: unknown): boolean {
  if (!(error instanceof MetaError) || error.mayHaveCommitted) return false;
  const { verdict, cause } = error;
  return verdict.kind === 'permission' || cause.code === 100;
}
