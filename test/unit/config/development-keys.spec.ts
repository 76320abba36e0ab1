import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ensureSecretFile, loadDevelopmentKeys, readSecretFile } from '../../../src/config/development-keys.ts';
import { SystemRandom } from '../../../src/platform/random.ts';

let dataDir: string;
const random = new SystemRandom();

beforeEach(() => {
  dataDir = mkdtempSync(path.join(os.tmpdir(), 'keys-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

describe('loadDevelopmentKeys', () => {
  it('makes what is missing once, readable by its owner only', () => {
    const first = loadDevelopmentKeys({}, dataDir, random);
    expect(first.created).toEqual(['ROOT_KEY', 'BOOTSTRAP_ADMIN_KEY']);
    expect(Buffer.from(first.variables['ROOT_KEY'] ?? '', 'base64')).toHaveLength(32);
    expect(first.variables['BOOTSTRAP_ADMIN_KEY']?.length).toBeGreaterThanOrEqual(32);
    expect(statSync(first.directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(first.directory)) {
      expect(statSync(path.join(first.directory, name)).mode & 0o777).toBe(0o600);
    }
    const second = loadDevelopmentKeys({}, dataDir, random);
    expect(second.created).toEqual([]);
    expect(second.variables).toEqual(first.variables);
  });

  it('leaves alone what is given', () => {
    expect(loadDevelopmentKeys({ ROOT_KEY: 'x', BOOTSTRAP_ADMIN_KEY: 'y' }, dataDir, random).variables).toEqual({});
    expect(loadDevelopmentKeys({ ROOT_KEY_FILE: '/x', BOOTSTRAP_ADMIN_KEY: '' }, dataDir, random).created).toEqual([
      'BOOTSTRAP_ADMIN_KEY',
    ]);
  });
});

it('makes no root key where a key management service has it', () => {
  expect(loadDevelopmentKeys({ KMS_PROVIDER: 'aws' }, dataDir, random).created).toEqual(['BOOTSTRAP_ADMIN_KEY']);
});

describe('ensureSecretFile', () => {
  it('keeps the first of two that were made at the same time, and leaves no draft', () => {
    const file = path.join(dataDir, 'secret');
    const late = ensureSecretFile(file, () => {
      // Another start intervenes.
      ensureSecretFile(path.join(dataDir, 'other'), () => 'unrelated');
      const other = path.join(dataDir, 'secret');
      ensureSecretFileInAnotherProcess(other);
      return 'second';
    });
    expect(late).toEqual({ secret: 'first', isNew: false });
    expect(readSecretFile(file)).toBe('first');
    expect(readdirSync(dataDir).sort()).toEqual(['other', 'secret']);
  });

  it('reads nothing where there is nothing', () => {
    expect(readSecretFile(path.join(dataDir, 'none'))).toBeNull();
  });
});

function ensureSecretFileInAnotherProcess(file: string): void {
  ensureSecretFile(file, () => 'first');
}
