import { type ClassConstructor, plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { PRODUCTS } from '../../config/config.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { toInputErrors } from '../../platform/http-server/input-validation.pipe.ts';
import { AppError, type InputError } from '../../platform/problem.ts';
import { UsageError } from '../command-error.ts';

/** Options of `clients create` and `clients update`. `none` removes a value. */
export interface ClientOptions {
  name?: string;
  role?: string;
  tenants?: string[];
  products?: string[];
  leaseModes?: string[];
  maxTtlSeconds?: string;
  rateLimitPerSecond?: string;
  allow?: string[];
  ip?: string[];
  identity?: string[];
  expiresInDays?: string;
}

const NONE = 'none';
/** Options whose name differs from their field's. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  ip_allow_list: 'ip',
  identities: 'identity',
  expires_in_seconds: 'expires-in-days',
};

/** The API request body that these options stand for. */
export function toRequestBody(options: ClientOptions): Record<string, unknown> {
  const body = {
    name: options.name,
    role: options.role,
    tenants: options.tenants,
    products: options.products,
    lease_modes: options.leaseModes,
    max_ttl_seconds: numberOf(options.maxTtlSeconds),
    rate_limit_per_second: options.rateLimitPerSecond === NONE ? null : numberOf(options.rateLimitPerSecond),
    allow: isNone(options.allow) ? null : allowOf(options.allow),
    ip_allow_list: isNone(options.ip) ? null : options.ip,
    identities: isNone(options.identity) ? [] : options.identity?.map(identityOf),
    expires_in_seconds: options.expiresInDays === undefined ? undefined : Number(options.expiresInDays) * DAY_SECONDS,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

/** Validates by the rules of the API, then calls `use`. Throws `UsageError`, which names options instead of fields. */
export async function withValidatedRequest<R extends object, T>(
  type: ClassConstructor<R>,
  body: Record<string, unknown>,
  use: (request: R) => Promise<T>,
): Promise<T> {
  const request = plainToInstance(type, body);
  throwUsageError(toInputErrors(await validate(request, { stopAtFirstError: true })));
  try {
    return await use(request);
  } catch (error) {
    if (error instanceof AppError) throwUsageError(error.occurrence.errors ?? []);
    throw error;
  }
}

function throwUsageError(faults: readonly InputError[]): void {
  if (faults.length === 0) return;
  const lines = faults.map(({ path, message }) => {
    const [, field = '', rest = ''] = /^([a-z_]+)(.*)$/s.exec(path) ?? [];
    return `  - --${OPTION_NAMES[field] ?? field.replaceAll('_', '-')}${rest}: ${message}`;
  });
  throw new UsageError(
    `These options are not valid:\n${lines.join('\n')}`,
    'Nothing was done. Correct them; see --help.',
  );
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function isNone(values: readonly string[] | undefined): boolean {
  return values?.length === 1 && values[0] === NONE;
}

/** `GET /me` applies to all products, `whatsapp=POST /*` + `/messages` to one. */
function allowOf(patterns: readonly string[] | undefined): unknown {
  if (patterns === undefined) return undefined;
  const byProduct: Record<string, string[]> = {};
  for (const text of patterns) {
    const product = ['*', ...PRODUCTS].find((name) => text.startsWith(`${name}=`));
    const pattern = product === undefined ? text : text.slice(product.length + 1);
    byProduct[product ?? '*'] = [...(byProduct[product ?? '*'] ?? []), pattern];
  }
  return Object.keys(byProduct).join() === '*' ? byProduct['*'] : byProduct;
}

/** `issuer,audience,subject`; the subject may contain commas. */
function identityOf(text: string): object {
  const [issuer, audience, ...subject] = text.split(',');
  return { issuer, audience, subject: subject.join(',') };
}
