import type { AuthenticatedRequest } from '../../auth/decorators.ts';
import { TENANT_PATTERN } from '../../config/tenant.ts';

/** Finds the tenant that an authenticated request is about: the one named in the request or in its response. */
export class RequestTenants {
  readonly #answered = new WeakMap<AuthenticatedRequest, string>();

  /** Call before the response is serialized: its fields are not available later. */
  noteAnswer(request: AuthenticatedRequest, answer: unknown): void {
    if (request.client === undefined || namedBy(request) !== undefined) return;
    const tenant = tenantIn(answer);
    if (tenant !== undefined) this.#answered.set(request, tenant);
  }

  /**
   * Undefined for unknown callers, whose input does not belong in the log, and for requests about no tenant or several.
   */
  of(request: AuthenticatedRequest): string | undefined {
    if (request.client === undefined) return undefined;
    return namedBy(request) ?? this.#answered.get(request);
  }
}

function namedBy({ body, query }: AuthenticatedRequest): string | undefined {
  return tenantIn(body) ?? tenantIn(query);
}

function tenantIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { tenant } = value as { tenant?: unknown };
  return typeof tenant === 'string' && TENANT_PATTERN.test(tenant) ? tenant : undefined;
}
