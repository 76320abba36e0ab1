import type { MetaConfig } from '../../config/config.ts';
import { LOGIN_CONFIG_SETTINGS } from '../../config/login-config-settings.ts';
import type { DialogFlow, Product } from '../../config/products.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { loginNotConfiguredError } from '../connect-problems.ts';

/** Throws `login_not_configured`, naming the settings, where this app lacks what the login needs. */
export function requireLoginConfigured(
  meta: MetaConfig,
  { product, flow }: { product: Product; flow: DialogFlow },
): void {
  const setting = LOGIN_CONFIG_SETTINGS[product];
  const isMissing = loginFlow(flow).requiresLoginConfiguration && meta.loginConfigIds[product] === undefined;
  if (isMissing && setting !== undefined) throw loginNotConfiguredError(`Connecting ${product} by ${flow}`, [setting]);
}
