import type { Flow, Product } from '../../config/products.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import {
  type MissingSettings,
  missingAppSettings,
  missingLoginSettings,
} from '../../meta/dialog/missing-login-settings.ts';
import type { MetaApp } from '../../meta/meta-apps.ts';
import { loginNotConfiguredError } from '../connect-problems.ts';

interface Login {
  product: Product;
  flow: Flow;
}

/** Throws `login_not_configured`, naming the settings, if this app lacks any that the login needs. */
export function requireLoginConfigured(app: MetaApp, login: Login): void {
  refuse(app, login, missingLoginSettings(app.config, login));
}

/** The same for steps after the dialog, which need only the app. */
export function requireLoginAppConfigured(app: MetaApp, login: Login): void {
  const { tokenHost } = loginFlow(login.flow);
  if (tokenHost !== null) refuse(app, login, missingAppSettings(app.config, tokenHost));
}

function refuse(app: MetaApp, { product, flow }: Login, missing: MissingSettings | null): void {
  if (missing !== null) throw loginNotConfiguredError(app, `Connecting ${product} by ${flow}`, missing);
}
