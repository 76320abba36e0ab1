import type { Flow } from '../../config/products.ts';
import { loginFlow } from './login-flows.ts';

/**
 * Whether the dialog has to be told to ask again (`auth_type=rerequest`). Without it Meta grants a second login what the first was granted,
 * without a choice: scopes that were declined stay so, and Pages that came since never show up (docs/meta-facts.md). Embedded Signup
 * lets people choose their account every time.
 */
export function mustAskAgain(flow: Flow, earlier: { exist: boolean; haveDeclinedScopes: boolean }): boolean {
  return earlier.haveDeclinedScopes || (earlier.exist && !loginFlow(flow).isOpenedBySdk);
}
