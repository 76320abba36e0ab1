import type { DialogFlow, Flow, Product } from '../../config/products.ts';
import { loginFlow } from '../../meta/dialog/login-flows.ts';
import { productDescriptor } from '../../meta/dialog/products.ts';
import { invalidInputError } from '../../platform/problem.ts';

/** Returns a session's dialog flow. 400 for one the product doesn't have, and for `import`. */
export function parseDialogFlow({ product, flow }: { product: Product; flow: Flow }): DialogFlow {
  if (!isDialogFlow(flow)) {
    throw invalidInputError(
      'flow',
      'must not be import, which has no dialog. Send the token to POST /v1/connections/import',
    );
  }
  const flows = productDescriptor(product).flows.filter(isDialogFlow);
  if (!flows.includes(flow)) throw invalidInputError('flow', `must be one of ${flows.join(', ')} for ${product}`);
  return flow;
}

export function isDialogFlow(flow: Flow): flow is DialogFlow {
  return loginFlow(flow).dialog !== null;
}
