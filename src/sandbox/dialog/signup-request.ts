import type { LoginConfiguration } from '../state/records.ts';
import { DialogError } from './dialog-error.ts';

/** A validated Embedded Signup request, v4. */
export interface SignupRequest {
  /** The user brings a number that is in use in the WhatsApp Business app. */
  isCoexistence: boolean;
  features: string[];
}

const COEXISTENCE = 'whatsapp_business_app_onboarding';
const VERSIONS = ['v4', 'v4-public-preview'];
const KEYS = ['version', 'featureType', 'features', 'setup', 'sessionInfoVersion'];

/**
 * Reads and validates an Embedded Signup; returns null for an ordinary login. Only v4 works: `config_id` is required,
 * `extras` may contain features, and prefilled data only with a version (docs/meta-facts.md#embedded-signup).
 */
export function parseSignup(query: URLSearchParams, configuration: LoginConfiguration | null): SignupRequest | null {
  const extras = readExtras(query.get('extras'));
  const isFromSdk = query.has('sandbox_sdk_origin');
  const asksForWhatsapp = isFromSdk && /(^|[,\s])whatsapp_/.test(query.get('scope') ?? '');
  const isSignup = isSignupConfiguration(configuration) || Object.keys(extras).length > 0 || asksForWhatsapp;
  if (!isSignup) return null;
  if (configuration === null)
    throw new DialogError('Embedded Signup needs a login configuration: config_id is missing.');
  checkVersion(extras);
  const unknown = Object.keys(extras).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new DialogError(`Embedded Signup v4 has no ${unknown} in extras.`);
  return { isCoexistence: readFeatureType(extras.featureType), features: readFeatures(extras.features) };
}

/** Whether a configuration is for Embedded Signup. */
function isSignupConfiguration(configuration: LoginConfiguration | null): boolean {
  return (
    configuration?.tokenType === 'system_user' && configuration.scopes.some((scope) => scope.startsWith('whatsapp_'))
  );
}

function readExtras(text: string | null): Record<string, unknown> {
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Rejected below, like any other text that is not an object.
  }
  throw new DialogError('The parameter extras must be a JSON object.');
}

function checkVersion(extras: Record<string, unknown>): void {
  const { version } = extras;
  const isOld = version === undefined && ('setup' in extras || 'sessionInfoVersion' in extras);
  if (isOld || (version !== undefined && !VERSIONS.includes(String(version)))) {
    const used = isOld ? 'v2' : String(version);
    throw new DialogError(`Embedded Signup ${used} is no longer available. Launch v4: config_id, and empty extras.`);
  }
}

function readFeatureType(value: unknown): boolean {
  if (value === undefined || value === '') return false;
  if (value !== COEXISTENCE) throw new DialogError('Embedded Signup v4 has no such featureType.');
  return true;
}

function readFeatures(value: unknown): string[] {
  if (value === undefined) return [];
  const names = Array.isArray(value) ? value.map((one) => (one as { name?: unknown } | null)?.name) : [undefined];
  if (names.some((name) => typeof name !== 'string'))
    throw new DialogError('features must be a list of objects with a name.');
  return names as string[];
}
