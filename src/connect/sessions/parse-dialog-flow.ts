import type { DialogFlow, Flow, Product } from '../../config/products.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { productDescriptor } from '../../meta/dialog/products.ts';
import { invalidInputError } from '../../platform/problem.ts';

/** The flow of a session in which a user meets a dialog. 400 for one that the product does not have, and for `import`. */
export function parseDialogFlow({ product, flow }: { product: Product; flow: Flow }): DialogFlow {
  if (!isDialogFlow(flow)) {
    throw invalidInputError(
      'flow',
      'cannot be import: no user is asked. Give the token to POST /v1/connections/import',
    );
  }
  const flows = productDescriptor(product).flows.filter(isDialogFlow);
  if (!flows.includes(flow)) throw invalidInputError('flow', `must be one of ${flows.join(', ')} for ${product}`);
  return flow;
}

/** Whether a user meets a dialog in it. */
export function isDialogFlow(flow: Flow): flow is DialogFlow {
  return loginFlow(flow).dialog !== null;
}
