import type { ClientRow } from '../../auth/client-row.ts';
import { patternsForProduct } from '../../auth/policy/allow-policy.ts';
import { PRODUCTS, type Product } from '../../config/products.ts';
import { judgeCall } from '../../gateway/request/call-judgment.ts';
import type { PolicyTestRequest, PolicyTestResponse, PolicyVerdictResponse } from './policy-test.dto.ts';

type Policy = Pick<ClientRow, 'role' | 'tenants' | 'products' | 'lease_modes' | 'allow'>;
type Question = Pick<PolicyTestRequest, 'method' | 'path' | 'product' | 'tenant' | 'mode'>;

/** Whether a client may make a call, by the rules that leases and the gateway apply. Does not make the call. */
export function judgeClientCall(client: Policy, question: Question): PolicyTestResponse {
  const covered = client.products.includes('*') ? PRODUCTS : client.products.filter((product) => product !== '*');
  const asked = question.product === undefined ? covered : [question.product];
  const results = asked.map((product) => judge(client, question, product));
  return { allowed: results.length > 0 && results.every(({ allowed }) => allowed), results };
}

function judge(client: Policy, { method, path, tenant, mode }: Question, product: Product): PolicyVerdictResponse {
  const refuse = (rule: PolicyVerdictResponse['rule'], reason: string): PolicyVerdictResponse => ({
    product,
    allowed: false,
    rule,
    pattern: null,
    reason,
  });
  if (client.role !== 'service') return refuse('role', 'Only services get leases.');
  if (tenant !== undefined && !client.tenants.includes('*') && !client.tenants.includes(tenant))
    return refuse('tenants', `The policy does not cover the tenant ${tenant}.`);
  if (!client.products.includes('*') && !client.products.includes(product))
    return refuse('products', `The policy does not cover ${product}.`);
  if (!client.lease_modes.includes(mode)) return refuse('lease_modes', `The client may not have ${mode} leases.`);
  if (mode === 'token') {
    return { product, allowed: true, rule: null, pattern: null, reason: 'With the token it may make any call.' };
  }
  const allow = patternsForProduct(client.allow, product);
  const { isAllowed, pattern, reason } = judgeCall(allow, method, path);
  if (isAllowed) {
    const why = pattern === null ? 'No pattern limits its calls.' : `The pattern ${pattern} allows it.`;
    return { product, allowed: true, rule: null, pattern, reason: why };
  }
  // If even a matching pattern would not allow the call, a rule of the gateway refuses it.
  const isByPolicy = judgeCall([`${method === 'HEAD' ? 'GET' : method} ${path}`], method, path).isAllowed;
  return refuse(isByPolicy ? 'allow' : 'gateway', reason ?? 'The gateway does not allow this call.');
}
