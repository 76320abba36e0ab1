import { checkSignupVersion } from '../../../../src/operations/doctor/signup-version-check.ts';

const NOW = new Date('2026-11-28T12:00:00Z');
const ending = (endsOn: string | null) => checkSignupVersion(NOW, { version: 'v4', since: '2025-10-08', endsOn });

it.each([
  [null, 'ok', 'no known end'],
  ['2027-06-01', 'ok', 'ends on 2027-06-01'],
  ['2027-01-10', 'attention', 'ends on 2027-01-10'],
  ['2026-11-28', 'wrong', 'ended on 2026-11-28'],
] as const)('says of a version of Embedded Signup that ends on %s: %s', (endsOn, state, words) => {
  expect(ending(endsOn)).toMatchObject({ state, detail: expect.stringContaining(words) });
});
