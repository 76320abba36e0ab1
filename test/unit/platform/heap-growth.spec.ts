import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { HEAP_GROWTH_FLAG } from '../../../src/platform/heap-growth.ts';

describe('the flag for the growth of the heap', () => {
  const run = (flag: string): string =>
    execFileSync(process.execPath, [flag, '--print', '"started"'], { encoding: 'utf8', stdio: 'pipe' });

  it('is known to this Node: a running V8 only complains of unknown ones', () => {
    expect(run(HEAP_GROWTH_FLAG)).toBe('started\n');
    expect(() => run('--heap-growing-percents=40')).toThrow('bad option');
  });
});
