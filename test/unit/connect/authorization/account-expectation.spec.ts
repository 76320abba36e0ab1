import { describe, expect, it } from '@jest/globals';
import { AccountExpectation } from '../../../../src/connect/authorization/account-expectation.ts';
import type { ExpectedAccount } from '../../../../src/connect/connect-session.ts';
import { MetaError } from '../../../../src/meta/errors/meta-error.ts';
import { graphError, type ScriptedResponse, scriptedMeta, TOKEN } from '../../meta/scripted-meta.ts';

const USER = { kind: 'user' as const, userId: '11' };
const SYSTEM_USER = { kind: 'system_user' as const, userId: '21' };
const WRONG = { code: 'wrong_account', isFinal: true };

/** What Meta says about a system user's client at `/me`, and about an account's owner at its id. */
function expectation(expected: ExpectedAccount, responses: Record<string, ScriptedResponse> = {}) {
  const meta = scriptedMeta(({ url }) => responses[url.pathname.split('/')[2] ?? ''] ?? graphError(100, 33));
  return { asked: meta.sent, of: new AccountExpectation(meta.discovery, TOKEN, expected) };
}
const client = (id: string): ScriptedResponse => ({ body: { id: '21', client_business_id: id } });
const owner = (id: string): ScriptedResponse => ({ body: { id: '7', owner_business_info: { id, name: 'A shop' } } });

describe('the account expected by a session', () => {
  it('is not checked if there is no expectation', async () => {
    const { of, asked } = expectation({});
    await of.checkSubject(SYSTEM_USER);
    await of.checkWhatsappAccounts(['7']);
    of.requireProven();
    expect(asked).toEqual([]);
  });

  it.each([
    ['the id of the user', { meta_user_id: '11' }, USER],
    [
      'an app-scoped id',
      { meta_user_id: '99' },
      { kind: 'instagram_user' as const, userId: '17841', appScopedUserId: '99' },
    ],
    [
      'the 1784… id',
      { meta_user_id: '17841' },
      { kind: 'instagram_user' as const, userId: '17841', appScopedUserId: '99' },
    ],
  ])('is recognized by %s', async (_, expected, inspected) => {
    const { of } = expectation(expected);
    await of.checkSubject(inspected);
    expect(() => of.requireProven()).not.toThrow();
  });

  it('is no other user, no prefix of the id, and no user with only a matching business', async () => {
    await expect(expectation({ meta_user_id: '12' }).of.checkSubject(USER)).rejects.toMatchObject(WRONG);
    await expect(expectation({ meta_user_id: '1' }).of.checkSubject(USER)).rejects.toMatchObject(WRONG);
    const both = expectation({ meta_user_id: '12', business_id: '90' }, { me: client('90') });
    await expect(both.of.checkSubject(SYSTEM_USER)).rejects.toMatchObject(WRONG);
  });

  it("is proven by a system user's client", async () => {
    const { of } = expectation({ business_id: '90' }, { me: client('90') });
    await of.checkSubject(SYSTEM_USER);
    expect(() => of.requireProven()).not.toThrow();
    const other = expectation({ business_id: '90' }, { me: client('91') });
    await expect(other.of.checkSubject(SYSTEM_USER)).rejects.toMatchObject(WRONG);
  });

  it('is proven by the owners of all WhatsApp accounts', async () => {
    const { of } = expectation({ business_id: '90' }, { '7': owner('90'), '8': owner('90') });
    await of.checkSubject(USER);
    await of.checkWhatsappAccounts(['7', '8']);
    expect(() => of.requireProven()).not.toThrow();
    const mixed = expectation({ business_id: '90' }, { '7': owner('90'), '8': owner('91') });
    await expect(mixed.of.checkWhatsappAccounts(['7', '8'])).rejects.toMatchObject(WRONG);
  });

  it('is refused if the business is unknown, with the reason', async () => {
    const silent = expectation({ business_id: '90' });
    await silent.of.checkSubject(SYSTEM_USER);
    await silent.of.checkWhatsappAccounts([]);
    expect(() => silent.of.requireProven()).toThrow(/does not say which business this login belongs to/);
    await expect(silent.of.checkWhatsappAccounts(['7'])).rejects.toThrow(/does not say which business owns/);
  });

  it('stays undecided if Meta fails', async () => {
    const down = expectation({ business_id: '90' }, { me: { status: 500, body: {} }, '7': { status: 500, body: {} } });
    await expect(down.of.checkSubject(SYSTEM_USER)).rejects.toThrow(MetaError);
    await expect(down.of.checkWhatsappAccounts(['7'])).rejects.toThrow(MetaError);
  });
});
