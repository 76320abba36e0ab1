import { describe, expect, it } from '@jest/globals';
import { assemble, type Keep } from '../../support/open-resources.ts';

/** Things that write down when they are closed. */
function things(): { closed: string[]; open: (keep: Keep, name: string, fails?: boolean) => void } {
  const closed: string[] = [];
  const open = (keep: Keep, name: string, fails = false): void => {
    keep({
      close: async () => {
        closed.push(name);
        if (fails) throw new Error(`${name} does not close`);
      },
    });
  };
  return { closed, open };
}

describe('assemble', () => {
  it('closes what was kept, the last first, also what was kept later, and each once', async () => {
    const { closed, open } = things();
    const stage = await assemble(async (keep) => {
      open(keep, 'first');
      open(keep, 'second');
      return { name: 'stage', later: () => open(keep, 'third') };
    });
    expect(stage.name).toBe('stage');
    stage.later();
    expect(closed).toEqual([]);
    await stage.close();
    await stage.close();
    expect(closed).toEqual(['third', 'second', 'first']);
  });

  it('closes what was opened before a step that throws, and throws what that threw', async () => {
    const { closed, open } = things();
    const stage = assemble(async (keep) => {
      open(keep, 'first');
      open(keep, 'second', true);
      throw new Error('the third does not start');
    });
    await expect(stage).rejects.toThrow('the third does not start');
    expect(closed).toEqual(['second', 'first']);
  });

  it('closes the others when one does not close, and says so', async () => {
    const { closed, open } = things();
    const stage = await assemble(async (keep) => {
      open(keep, 'first');
      open(keep, 'second', true);
      return {};
    });
    await expect(stage.close()).rejects.toThrow('second does not close');
    expect(closed).toEqual(['second', 'first']);
  });
});
