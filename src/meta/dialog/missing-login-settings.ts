import type { MetaConfig } from '../../config/config.ts';
import { LOGIN_CONFIG_SETTINGS } from '../../config/login-config-settings.ts';
import type { Flow, Product } from '../../config/products.ts';
import { graphHostDescriptor, type TokenHostName } from '../graph/graph-host.ts';
import { loginFlow } from './login-flows.ts';

/** Settings without which a login does not work. */
export interface MissingSettings {
  /** The names of the variables. */
  settings: readonly string[];
  /** Where their values stand in the app's dashboard at Meta. */
  dashboard: string;
}

const LOGIN_CONFIGURATIONS = 'Facebook Login for Business, Configurations: Configuration ID';

/** What has to be set before this flow works for the product; null: nothing is missing. */
export function missingLoginSettings(
  meta: MetaConfig,
  { product, flow }: { product: Product; flow: Flow },
): MissingSettings | null {
  const { tokenHost, requiresLoginConfiguration } = loginFlow(flow);
  const missingApp = tokenHost === null ? null : missingAppSettings(meta, tokenHost);
  if (missingApp !== null) return missingApp;
  const setting = LOGIN_CONFIG_SETTINGS[product];
  const isMissing = requiresLoginConfiguration && meta.loginConfigIds[product] === undefined;
  return isMissing && setting !== undefined ? { settings: [setting], dashboard: LOGIN_CONFIGURATIONS } : null;
}

/** What has to be set before tokens of this host can be worked with; null: its app is configured. */
export function missingAppSettings(meta: MetaConfig, host: TokenHostName): MissingSettings | null {
  const { appRole, appSettings } = graphHostDescriptor(host);
  if (meta[appRole] !== null) return null;
  return { settings: [appSettings.id, appSettings.secret], dashboard: appSettings.dashboard };
}
