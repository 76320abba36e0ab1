import { readFileSync } from 'node:fs';
import { SecretString } from '../platform/secret-string.ts';
import type { KeyProviderConfig } from './config.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { checkSecretFile } from './secret-file.ts';
import { readSecret, readUrl } from './setting-readers.ts';

const ROOT_KEY = /^[A-Za-z0-9+/]{43}=$/;
const ROOT_KEY_FORM = '32 bytes in base64, 44 characters (make one with: openssl rand -base64 32)';
const TRANSIT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const TRANSIT_PATH = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
const VISIBLE = /^[\x21-\x7e]{1,4096}$/;

/** Reads where the root key is: in the environment, in AWS KMS, or in a Vault's Transit engine. */
export function readKeyProvider(reader: EnvironmentReader, isProduction: boolean): KeyProviderConfig {
  const provider = reader.oneOf('KMS_PROVIDER', ['local', 'aws', 'transit'], 'local');
  for (const name of ['ROOT_KEY_FILE', 'VAULT_TOKEN_FILE']) {
    const file = reader.text(name);
    if (file !== null) checkSecretFile(reader, name, file, isProduction);
  }
  const previousRootKey = readSecret(reader, 'ROOT_KEY_PREVIOUS', ROOT_KEY, ROOT_KEY_FORM);
  // Read all of them whatever the provider, so that malformed settings are reported before they are needed.
  const local = readLocal(reader, previousRootKey, provider === 'local');
  const aws = readAws(reader, provider === 'aws');
  const transit = readTransit(reader, provider === 'transit');
  if (provider === 'local') return { provider, ...local, previousRootKey };
  for (const name of ['ROOT_KEY', 'ROOT_KEY_FILE']) {
    if (reader.text(name) === null) continue;
    reader.fault(
      name,
      `is set although KMS_PROVIDER is ${provider}; remove it, or rename it to ROOT_KEY_PREVIOUS while the ring moves.`,
    );
  }
  return provider === 'aws' ? { provider, ...aws, previousRootKey } : { provider, ...transit, previousRootKey };
}

type Settings<P extends KeyProviderConfig['provider']> = Omit<
  Extract<KeyProviderConfig, { provider: P }>,
  'provider' | 'previousRootKey'
>;

function readLocal(reader: EnvironmentReader, previous: SecretString | null, isUsed: boolean): Settings<'local'> {
  const rootKey = readSecret(reader, 'ROOT_KEY', ROOT_KEY, ROOT_KEY_FORM);
  const file = reader.text('ROOT_KEY_FILE');
  const isSet = reader.text('ROOT_KEY') !== null;
  if (isSet && file !== null) {
    reader.fault('ROOT_KEY_FILE', 'is set together with ROOT_KEY; keep one of the two.');
  }
  if (!isUsed) return { rootKey: new SecretString('') };
  const key = rootKey ?? (file === null ? null : readKeyFile(reader, file));
  if (!isSet && file === null) {
    reader.fault('ROOT_KEY', `is missing: set it, or ROOT_KEY_FILE, to ${ROOT_KEY_FORM}.`);
  }
  if (key !== null && key.expose() === previous?.expose()) {
    reader.fault(
      'ROOT_KEY_PREVIOUS',
      'is the same as ROOT_KEY; set it to the key that ROOT_KEY replaces, or remove it.',
    );
  }
  return { rootKey: key ?? new SecretString('') };
}

function readAws(reader: EnvironmentReader, isUsed: boolean): Settings<'aws'> {
  const keyId = reader.text('AWS_KMS_KEY_ID');
  const endpointUrl = reader.text('AWS_ENDPOINT_URL') === null ? null : readUrl(reader, 'AWS_ENDPOINT_URL', '');
  if (isUsed && keyId === null) {
    reader.fault('AWS_KMS_KEY_ID', "is missing although KMS_PROVIDER is aws; set it to the key's ARN or alias.");
  }
  const previousKeyId = readPrevious(reader, 'AWS_KMS_KEY_ID', reader.text('AWS_KMS_KEY_ID_PREVIOUS'));
  return { keyId: keyId ?? '', endpointUrl, previousKeyId };
}

function readTransit(reader: EnvironmentReader, isUsed: boolean): Settings<'transit'> {
  const address = reader.text('VAULT_ADDR') === null ? null : readUrl(reader, 'VAULT_ADDR', '');
  const keyForm = 'the name of a Transit key';
  const keyName = reader.matching('VAULT_TRANSIT_KEY', TRANSIT_NAME, keyForm);
  const previous = reader.matching('VAULT_TRANSIT_KEY_PREVIOUS', TRANSIT_NAME, keyForm);
  const mount = reader.matching('VAULT_TRANSIT_MOUNT', TRANSIT_PATH, 'the path of a Transit engine') ?? 'transit';
  const namespace = reader.matching('VAULT_NAMESPACE', TRANSIT_PATH, 'a namespace');
  const token = readSecret(reader, 'VAULT_TOKEN', VISIBLE, 'a token without spaces');
  const file = reader.text('VAULT_TOKEN_FILE');
  if (isUsed) {
    const missing = 'is missing although KMS_PROVIDER is transit;';
    if (address === null) reader.fault('VAULT_ADDR', `${missing} set it, such as https://vault.example:8200.`);
    if (reader.text('VAULT_TRANSIT_KEY') === null) reader.fault('VAULT_TRANSIT_KEY', `${missing} name the key.`);
    const isSet = reader.text('VAULT_TOKEN') !== null;
    if (!isSet && file === null) reader.fault('VAULT_TOKEN_FILE', `${missing} set it, or VAULT_TOKEN.`);
    if (isSet && file !== null) {
      reader.fault('VAULT_TOKEN_FILE', 'is set together with VAULT_TOKEN; keep one of the two.');
    }
  }
  return {
    address: address ?? '',
    mount,
    keyName: keyName ?? '',
    previousKeyName: readPrevious(reader, 'VAULT_TRANSIT_KEY', previous),
    namespace,
    token: file === null ? (token ?? new SecretString('')) : { file },
  };
}

/** Reads the key that `name` replaces. A ring can only move from one root key at a time. */
function readPrevious(reader: EnvironmentReader, name: string, previous: string | null): string | null {
  if (previous === null) return null;
  if (previous === reader.text(name)) {
    reader.fault(`${name}_PREVIOUS`, `is the same as ${name}; set it to the key that ${name} replaces, or remove it.`);
  }
  if (reader.text('ROOT_KEY_PREVIOUS') !== null) {
    reader.fault(
      `${name}_PREVIOUS`,
      'is set together with ROOT_KEY_PREVIOUS; keep the one that currently wraps the ring.',
    );
  }
  return previous;
}

function readKeyFile(reader: EnvironmentReader, file: string): SecretString | null {
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    reader.fault(
      'ROOT_KEY_FILE',
      `names a file that cannot be read (${code ?? 'unknown cause'}): ${file}. Fix the path or its permissions.`,
    );
    return null;
  }
  if (ROOT_KEY.test(key)) return new SecretString(key);
  reader.fault('ROOT_KEY_FILE', `names a file that must hold ${ROOT_KEY_FORM}; it holds ${key.length} characters.`);
  return null;
}
