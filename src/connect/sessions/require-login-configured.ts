import type { MetaConfig } from '../../config/config.ts';
import type { Flow, Product } from '../../config/products.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import {
  type MissingSettings,
  missingAppSettings,
  missingLoginSettings,
} from '../../meta/dialog/missing-login-settings.ts';
import { loginNotConfiguredError } from '../connect-problems.ts';

interface Login {
  product: Product;
  flow: Flow;
}

/** Throws `login_not_configured`, naming the settings, if this app lacks any that the login needs. */
export function requireLoginConfigured(meta: MetaConfig, login: Login): void {
  refuse(login, missingLoginSettings(meta, login));
}

/** The same for steps after the dialog, which need only the app. */
export function requireLoginAppConfigured(meta: MetaConfig, login: Login): void {
  const { tokenHost } = loginFlow(login.flow);
  if (tokenHost !== null) refuse(login, missingAppSettings(meta, tokenHost));
}

function refuse({ product, flow }: Login, missing: MissingSettings | null): void {
  if (missing !== null) throw loginNotConfiguredError(`Connecting ${product} by ${flow}`, missing);
}
