import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config/environment-reader.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { ROOT } from './source-files.ts';

const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

describe('.env.example', () => {
  it('names the variables that the configuration reads, and no others', () => {
    const asked = new Set<string>();
    const watched = new Proxy<Environment>(
      {},
      {
        get: (_, name) => {
          asked.add(String(name));
          return undefined;
        },
      },
    );
    expect(() => loadConfig(watched)).toThrow();
    const named = [...read('.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual([...asked].sort());
  });
});

describe('what is kept in git', () => {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
    .split('\0')
    .filter((file) => file !== '');

  it('names no folder of the machine it was written on', () => {
    const folders = new RegExp(`(^|[\\s"'\`(=:])/(${['work', 'root', 'home'].join('|')})/[a-z]`, 'm');
    const telling = tracked.filter(
      (file) => file !== 'package-lock.json' && !isBinary(file) && folders.test(read(file)),
    );
    expect(telling).toEqual([]);
  });

  it('takes packages from no other place than the public registry', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string }> };
    const hosts = new Set(
      Object.values(packages).flatMap(({ resolved }) => (resolved === undefined ? [] : new URL(resolved).host)),
    );
    expect([...hosts].filter((host) => host !== 'registry.npmjs.org')).toEqual([]);
  });

  it('has no data, no keys and nothing that was built', () => {
    expect(tracked.filter((file) => /^(dist|data|\.data|node_modules|coverage)\/|(^|\/)\.env$/.test(file))).toEqual([]);
  });
});

function isBinary(file: string): boolean {
  return /\.(png|ico|jpg|gif|woff2?)$/.test(file);
}
