import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';

const SITE = path.resolve(import.meta.dirname, '../../dist/console');
const MAX_KILOBYTES = 300;
const PAGES = ['overview/overview', 'connections/connections', 'connection/connection'];

interface Chunk {
  file: string;
  imports?: string[];
  dynamicImports?: string[];
}

const manifest = JSON.parse(readFileSync(path.join(SITE, '.vite/manifest.json'), 'utf8')) as Record<string, Chunk>;

/** The scripts that these entries load before anything shows. */
function scriptsOf(entries: readonly string[]): Set<string> {
  const files = new Set<string>();
  const waiting = [...entries];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const chunk = manifest[name];
    if (chunk === undefined) throw new Error(`${name} is not in the manifest.`);
    if (files.has(chunk.file)) continue;
    files.add(chunk.file);
    waiting.push(...(chunk.imports ?? []));
  }
  return files;
}

describe('the first view of the console', () => {
  it.each(PAGES)(`loads at most ${MAX_KILOBYTES} KB of scripts for %s, compressed`, (page) => {
    const entries = ['index.html', 'src/messages/en.ts', `src/pages/${page}-page.tsx`];
    const bytes = [...scriptsOf(entries)].map((file) => gzipSync(readFileSync(path.join(SITE, file))).length);
    const kilobytes = bytes.reduce((sum, each) => sum + each, 0) / 1024;
    expect(kilobytes).toBeGreaterThan(50);
    expect(kilobytes).toBeLessThan(MAX_KILOBYTES);
  });

  it('holds no other language and no other page', () => {
    const [index] = scriptsOf(['index.html']);
    const text = readFileSync(path.join(SITE, index ?? ''), 'utf8');
    expect(text).not.toMatch(/Revogar|Revocar/);
    expect(manifest['index.html']?.dynamicImports).toContain('src/pages/connection/connection-page.tsx');
  });
});
