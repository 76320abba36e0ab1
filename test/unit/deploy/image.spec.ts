import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runTool } from '../../support/describe-with-tools.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

describe('prune-modules', () => {
  const kept = ['a/index.js', 'a/package.json', 'a/LICENSE.md', 'a/data.json', 'typeorm/index.js', 'b/maps/map.js'];
  const removed = [
    'a/index.d.ts',
    'a/index.d.cts',
    'a/index.js.map',
    'a/src/index.ts',
    'a/README.md',
    'typeorm/browser/index.js',
  ];
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'metavault-modules-'));
    for (const file of [...kept, ...removed]) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), '');
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('deletes what Node never loads, and keeps the rest and the licenses', () => {
    runTool('node', path.join(ROOT, 'deploy/image/prune-modules.mjs'), folder);
    const left = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
    expect(left.sort()).toEqual([...kept].sort());
  });
});

describe('write-compile-cache', () => {
  it('keeps the compiled code of modules where Node can, and starts no program', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'metavault-compiled-'));
    try {
      const bundle = path.join(folder, 'bundle');
      mkdirSync(bundle);
      writeFileSync(path.join(bundle, 'package.json'), '{ "type": "module" }');
      writeFileSync(path.join(bundle, 'chunk.js'), 'export const one = () => 1;');
      for (const program of ['main.js', 'cli.js']) writeFileSync(path.join(bundle, program), 'process.exit(1);');
      const user = String(process.getuid?.());
      const compiled = path.join(folder, 'compiled');
      runTool('node', path.join(ROOT, 'deploy/image/write-compile-cache.mjs'), bundle, compiled, user);
      const kept = readdirSync(compiled).map((version) => readdirSync(path.join(compiled, version)).length);
      expect(kept).toEqual('enableCompileCache' in module ? [1] : []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  it('copies only what exists and is in the build context', () => {
    const ignored = read('.dockerignore').split('\n');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
    const isAllowed = (file: string): boolean =>
      ignored.some((line) => line.startsWith('!') && `${file}/`.startsWith(`${line.slice(1)}/`));
    expect(copied.filter((file) => !isAllowed(file))).toEqual([]);
  });

  it('ends as the user that the manifests name, with a health check, labels, and a list of its parts', () => {
    const [, final = ''] = dockerfile.split(/^FROM .*$/m).slice(1);
    expect(final).toMatch(/^USER 1000:1000$/m);
    expect(read('deploy/kubernetes/base/deployment.yaml')).toMatch(/runAsUser: 1000\n\s+runAsGroup: 1000/);
    expect(final).toMatch(/^HEALTHCHECK .*\\\n\s+CMD \["node", .*\/health\/ready/m);
    for (const label of ['title', 'version', 'revision', 'licenses'])
      expect(final).toContain(`org.opencontainers.image.${label}=`);
    expect(final).toContain('/app/sbom.cdx.json');
  });
});

describe('deploy/image/build', () => {
  it('is a script that tells how it is used', () => {
    const { status, stderr } = spawnSync(path.join(ROOT, 'deploy/image/build'), ['--help'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toMatch(/--base IMAGE .*--debian .*--check IMAGE /s);
  });
});

describe('npm run sbom', () => {
  it('lists the packages of production, and none of development', () => {
    const sbom = JSON.parse(runTool('npm', '--prefix', ROOT, 'run', '--silent', 'sbom')) as {
      bomFormat: string;
      components: { name: string }[];
    };
    const names = sbom.components.map(({ name }) => name);
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const short = (name: string): string => name.replace(/^@[^/]+\//, '');
    expect(sbom.bomFormat).toBe('CycloneDX');
    expect(Object.keys(dependencies).filter((name) => !names.map(short).includes(short(name)))).toEqual([]);
    expect(names).not.toContain('typescript');
  });
});
