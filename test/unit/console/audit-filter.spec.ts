import { expect, it } from '@jest/globals';
import { toAuditQuery } from '../../../console/src/pages/audit/audit-filter.ts';

const read = (filters: Readonly<Record<string, string>>) => toAuditQuery((name) => filters[name] ?? '');

it('reads filters of the address, and leaves out what is empty or no day', () => {
  expect(read({})).toEqual({});
  expect(read({ action: 'client.created', from: 'yesterday' })).toEqual({ action: 'client.created' });
});

it('takes a day from its beginning where the viewer is', () => {
  const { from } = read({ from: '2026-12-24' });
  expect(new Date(from ?? '').getTime()).toBe(new Date(2026, 11, 24).getTime());
});
