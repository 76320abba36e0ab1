import type { Flow } from '../../config/products.ts';
import { loginFlow } from './login-flows.ts';

/**
 * Whether the dialog needs `auth_type=rerequest`. Without it a second login silently repeats the first: declined scopes
 * stay declined, and new Pages never appear (docs/meta-facts.md#pages-of-a-portfolio). Embedded Signup always offers
 * the choice of account.
 */
export function mustAskAgain(flow: Flow, earlier: { exist: boolean; haveDeclinedScopes: boolean }): boolean {
  return earlier.haveDeclinedScopes || (earlier.exist && !loginFlow(flow).isOpenedBySdk);
}
