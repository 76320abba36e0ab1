import { describe, expect, it } from '@jest/globals';
import { chooseApp } from '../../../src/apps/app-selector.ts';

const app = (id: string, ...tenants: string[]) => ({ app_id: id, tenants });

describe('the app of a tenant', () => {
  it.each([
    ['no app', [], null],
    ['an app of all tenants', [app('1', '*')], '1'],
    ['the app that names it, before one of all', [app('1', '*'), app('2', 'acme')], '2'],
    ['the app that names it, in any order', [app('2', 'acme'), app('1', '*')], '2'],
    ['no app of others', [app('1', 'globex')], null],
    ['one row that was found twice', [app('1', 'acme', '*'), app('1', 'acme', '*')], '1'],
  ])('is %s', (_, apps, expected) => {
    expect(chooseApp(apps, 'acme')?.app_id ?? null).toBe(expected);
  });

  it.each([
    ['name it', [app('1', 'acme'), app('2', 'acme', 'globex')]],
    ['are for all', [app('1', '*'), app('2', '*')]],
  ])('is ambiguous if two %s', (_, apps) => {
    expect(() => chooseApp(apps, 'acme')).toThrow(
      expect.objectContaining({ code: 'ambiguous_app' }) as unknown as Error,
    );
  });

  it('is the one that names it, however many are for all', () => {
    expect(chooseApp([app('1', '*'), app('2', '*'), app('3', 'acme')], 'acme')?.app_id).toBe('3');
  });
});
