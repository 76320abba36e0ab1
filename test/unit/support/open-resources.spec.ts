import { describe, expect, it } from '@jest/globals';
import { type CloseLater, openResources } from '../../support/open-resources.ts';

/** Resources that record when they are closed. */
function things(): { closed: string[]; open: (closeLater: CloseLater, name: string, fails?: boolean) => void } {
  const closed: string[] = [];
  const open = (closeLater: CloseLater, name: string, fails = false): void => {
    closeLater({
      close: async () => {
        closed.push(name);
        if (fails) throw new Error(`${name} does not close`);
      },
    });
  };
  return { closed, open };
}

describe('openResources', () => {
  it('closes what was kept, the last first, also what was kept later, and each once', async () => {
    const { closed, open } = things();
    const context = await openResources(async (closeLater) => {
      open(closeLater, 'first');
      open(closeLater, 'second');
      return { name: 'stage', later: () => open(closeLater, 'third') };
    });
    expect(context.name).toBe('stage');
    context.later();
    expect(closed).toEqual([]);
    await context.close();
    await context.close();
    expect(closed).toEqual(['third', 'second', 'first']);
  });

  it('closes what was opened before a step that throws, and throws what that threw', async () => {
    const { closed, open } = things();
    const context = openResources(async (closeLater) => {
      open(closeLater, 'first');
      open(closeLater, 'second', true);
      throw new Error('the third does not start');
    });
    await expect(context).rejects.toThrow('the third does not start');
    expect(closed).toEqual(['second', 'first']);
  });

  it('closes the others when one does not close, and says so', async () => {
    const { closed, open } = things();
    const context = await openResources(async (closeLater) => {
      open(closeLater, 'first');
      open(closeLater, 'second', true);
      return {};
    });
    await expect(context.close()).rejects.toThrow('second does not close');
    expect(closed).toEqual(['second', 'first']);
  });
});
