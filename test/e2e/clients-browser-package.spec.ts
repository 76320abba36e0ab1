import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PageAssets } from '../../src/customer-pages/page-assets.ts';
import { testConfig } from '../support/test-config.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MAX_BYTES = 3072;
const run = promisify(execFile);
const folder = mkdtempSync(path.join(os.tmpdir(), 'metavault-connect-'));
const product = path.join(folder, 'product');
const installed = path.join(product, 'node_modules/@metavault/connect');
let packed: string[] = [];

beforeAll(async () => {
  const npm = (args: string[], cwd: string) => run('npm', [...args, '--cache', path.join(folder, 'cache')], { cwd });
  mkdirSync(product);
  const { stdout } = await npm(['pack', '--json', '--pack-destination', folder], path.join(ROOT, 'clients/browser'));
  // What the build prints comes first.
  const [description] = JSON.parse(stdout.slice(stdout.indexOf('['))) as { files: { path: string }[] }[];
  packed = (description?.files ?? []).map((file) => file.path).sort();
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(path.join(product, 'package.json'), '{ "private": true }');
  await npm(['install', '--offline', '--no-audit', '--no-fund', path.join(folder, tarball)], product);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('@metavault/connect', () => {
  it('is packed with what it needs and nothing else', () => {
    const files = ['README.md', 'dist/connect.d.ts', 'dist/connect.global.js', 'dist/connect.js', 'package.json'];
    expect(packed).toEqual(files);
  });

  it('can be imported where there is no page, as in server-side rendering', async () => {
    writeFileSync(
      path.join(product, 'esm.mjs'),
      `import { connect } from '@metavault/connect'; console.log(typeof connect);`,
    );
    expect((await run(process.execPath, ['esm.mjs'], { cwd: product })).stdout).toBe('function\n');
  });

  it('has types that compile under strict, and find mistakes', async () => {
    const source = `import { type ConnectOptions, type ConnectResult, connect } from '@metavault/connect';
      export async function open(options: ConnectOptions): Promise<string> {
        const result: ConnectResult = await connect({ ...options, url: async () => 'https://vault.example' });
        // @ts-expect-error only after status
        result.connection_id;
        return result.status === 'connected' ? result.connection_id : result.error;
      }
      // @ts-expect-error no such way
      void connect({ url: '', display: 'tab' });`;
    writeFileSync(path.join(product, 'types.ts'), source);
    const compiler = path.join(ROOT, 'node_modules/typescript-7/bin/tsc');
    const strict = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noEmit',
      '--target',
      'es2020',
      '--lib',
      'es2020,dom',
    ];
    for (const resolution of [
      ['bundler', 'esnext'],
      ['nodenext', 'nodenext'],
    ]) {
      const options = [...strict, '--moduleResolution', resolution[0] ?? '', '--module', resolution[1] ?? ''];
      const { stdout } = await run(process.execPath, [compiler, ...options, 'types.ts'], { cwd: product }).catch(
        (error: { stdout: string }) => error,
      );
      expect(stdout).toBe('');
    }
  });

  it('is small, and what the service serves at /connect.js', () => {
    const served = new PageAssets(testConfig()).get('connect.js').content;
    expect(served).toEqual(readFileSync(path.join(installed, 'dist/connect.global.js')));
    expect(gzipSync(served).length).toBeLessThanOrEqual(MAX_BYTES);
  });
});
