import type { MetaConfig } from '../../config/config.ts';
import { LOGIN_CONFIG_SETTINGS } from '../../config/login-config-settings.ts';
import type { Flow, Product } from '../../config/products.ts';
import { graphHostDescriptor, type TokenHostName } from '../graph/graph-host.ts';
import { loginFlow } from './login-flows.ts';

/** Settings that a login needs and that are missing. */
export interface MissingSettings {
  /** Names of the environment variables. */
  settings: readonly string[];
  /** The same as fields of an app of the API. */
  fields: readonly string[];
  /** Where Meta's app dashboard shows their values. */
  dashboard: string;
}

const LOGIN_CONFIGURATIONS = 'Facebook Login for Business, Configurations: Configuration ID';

/** Returns the settings that this flow still needs for the product, or null. */
export function missingLoginSettings(
  meta: MetaConfig,
  { product, flow }: { product: Product; flow: Flow },
): MissingSettings | null {
  const { tokenHost, requiresLoginConfiguration } = loginFlow(flow);
  const missingApp = tokenHost === null ? null : missingAppSettings(meta, tokenHost);
  if (missingApp !== null) return missingApp;
  const setting = LOGIN_CONFIG_SETTINGS[product];
  const isMissing = requiresLoginConfiguration && meta.loginConfigIds[product] === undefined;
  return isMissing && setting !== undefined
    ? { settings: [setting], fields: [`login_config_ids.${product}`], dashboard: LOGIN_CONFIGURATIONS }
    : null;
}

/** Returns the app settings that tokens of this host still need, or null. */
export function missingAppSettings(meta: MetaConfig, host: TokenHostName): MissingSettings | null {
  const { appRole, appSettings } = graphHostDescriptor(host);
  if (meta[appRole] !== null) return null;
  const { id, secret, field, dashboard } = appSettings;
  return { settings: [id, secret], fields: [field], dashboard };
}
