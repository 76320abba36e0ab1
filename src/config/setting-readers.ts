import { SecretString } from '../platform/secret-string.ts';
import type { EnvironmentReader } from './environment-reader.ts';

/** Reads a secret that must match `pattern`. Errors report its length, never its value. */
export function readSecret(
  reader: EnvironmentReader,
  name: string,
  pattern: RegExp,
  form: string,
): SecretString | null {
  const value = reader.matching(name, pattern, form, false);
  return value === null ? null : new SecretString(value);
}

export const HOST_PATTERN = /^[A-Za-z0-9.:_-]+$/;
export const HOST_FORM = 'an address or host name to listen on';

/** Whether a host, as in `URL`, is this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Reads an http(s) URL without credentials, query or fragment, and strips trailing slashes. Errors never quote the
 * value, which could contain a password.
 */
export function readUrl(reader: EnvironmentReader, name: string, fallback: string): string {
  const value = reader.text(name);
  if (value === null) return fallback;
  const url = URL.canParse(value) ? new URL(value) : null;
  const isPlain = url !== null && url.username === '' && url.password === '' && !/[?#\s]/.test(value);
  if (isPlain && (url.protocol === 'http:' || url.protocol === 'https:')) return value.replace(/\/+$/, '');
  reader.fault(name, 'must be an http:// or https:// URL without user, query or fragment.');
  return 'https://unusable.invalid';
}
