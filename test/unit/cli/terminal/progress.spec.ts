import { describe, expect, it } from '@jest/globals';
import { createProgress } from '../../../../src/cli/terminal/progress.ts';

/** A progress display on a terminal that records its output, and a clock that the test moves. */
function openProgress() {
  const written: string[] = [];
  const clock = { ms: 5_000 };
  const progress = createProgress({ write: (text) => written.push(text) }, 'Importing', () => clock.ms);
  return { written, clock, progress, last: () => written.at(-1)?.replace('\r\u001b[K', '') };
}

describe('createProgress', () => {
  it('shows counts, the rate, and the time left', () => {
    const { clock, progress, last } = openProgress();
    progress.show(0, 6_000);
    expect(last()).toBe(`Importing ${'░'.repeat(30)} 0 of 6,000`);
    clock.ms += 10_000;
    progress.show(1_000, 6_000);
    expect(last()).toBe(`Importing ${'█'.repeat(5)}${'░'.repeat(25)} 1,000 of 6,000 (100/s, 50 s left)`);
  });

  it('counts toward the rate only what was done since the first call', () => {
    const { clock, progress, last } = openProgress();
    progress.show(900, 1_000);
    clock.ms += 20_000;
    progress.show(950, 1_000);
    expect(last()).toMatch(/950 of 1,000 \(2\.5\/s, 20 s left\)$/);
  });

  it('sums up on a line that stays', () => {
    const { clock, progress, last } = openProgress();
    progress.show(0, 500);
    clock.ms += 125_000;
    progress.show(500, 500);
    progress.end();
    expect(last()).toBe('Importing: 500 of 500 in 2 min 5 s (4.0/s)\n');
  });

  it('redraws ten times a second at most, and always at the end', () => {
    const { written, clock, progress, last } = openProgress();
    for (let done = 0; done <= 1_000; done++, clock.ms += 1) progress.show(done, 1_000);
    expect(written).toHaveLength(11);
    expect(last()).toContain('1,000 of 1,000');
  });

  it('writes nothing where there is nothing to do', () => {
    const { written, progress } = openProgress();
    progress.show(0, 0);
    progress.end();
    expect(written).toEqual([]);
  });

  it('is silent without a terminal', () => {
    const progress = createProgress(null, 'Importing');
    expect(() => {
      progress.show(1, 2);
      progress.end();
    }).not.toThrow();
  });
});
