import { describe, expect, it } from '@jest/globals';
import { chooseAppLabels } from '../../../src/lifecycle/app-labels.ts';

const apps = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ appId: String(index), usagePercent: index, throttles: 0 }));

describe('the labels of apps in metrics', () => {
  it('are their ids, up to fifty apps', () => {
    const labelOf = chooseAppLabels(apps(49));
    expect([labelOf('0'), labelOf('48'), labelOf('unknown')]).toEqual(['0', '48', 'unknown']);
  });

  it('are `other` for all but the fifty busiest', () => {
    const labelOf = chooseAppLabels(apps(10_000));
    const labels = new Set(apps(10_000).map(({ appId }) => labelOf(appId)));
    expect(labels.size).toBe(51);
    expect([labelOf('9999'), labelOf('9950'), labelOf('9949'), labelOf('new')]).toEqual([
      '9999',
      '9950',
      'other',
      'other',
    ]);
  });
});
