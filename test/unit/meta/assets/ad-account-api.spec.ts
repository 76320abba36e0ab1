import { catchMetaError, graphError } from '../scripted-meta.ts';
import { graphOf, listingToken, listOf, noProgress, objectsOf, pathsOf } from './graph-script.ts';

const account = (id: string, more: object = {}) => ({
  id: `act_${id}`,
  account_id: id,
  name: `Account ${id}`,
  ...more,
});

it('reads ad accounts with currency and business', async () => {
  const body = { account_id: '5', name: 'N', currency: 'EUR', business: { id: '9', name: 'B' } };
  const { items } = await graphOf({ '/me/adaccounts': listOf([body]) }).adAccounts.findAll(listingToken(), noProgress);
  expect(items).toEqual([{ id: 'act_5', name: 'N', currency: 'EUR', business: { id: '9', name: 'B' } }]);
});

it('returns the union of all lists and scopes, each account once', async () => {
  const meta = graphOf({
    '/me/adaccounts': listOf([account('1')]),
    '/me/assigned_ad_accounts': listOf([account('2')]),
    '/me/businesses': listOf([{ id: '90' }]),
    '/90/owned_ad_accounts': listOf([account('1', { currency: 'EUR' }), account('3')]),
    '/90/client_ad_accounts': listOf([account('4')]),
    '/': objectsOf({ act_5: account('5'), act_6: account('6') }),
  });
  const { items, isComplete, namedIds } = await meta.adAccounts.findAll(
    listingToken({
      kind: 'system_user',
      scopes: ['business_management'],
      granularScopes: [
        { scope: 'ads_management', targetIds: ['5', 'act_6', '1'] },
        { scope: 'ads_read', targetIds: null },
      ],
    }),
    noProgress,
  );
  expect(items.map(({ id }) => id)).toEqual(['act_1', 'act_2', 'act_3', 'act_4', 'act_5', 'act_6']);
  expect(items[0]?.currency).toBe('EUR');
  expect([isComplete, namedIds.size]).toEqual([true, 6]);
  expect(pathsOf(meta.sent).at(-1)).toBe('/?ids=act_5,act_6');
});

it('skips a refused list, and throws if all are refused', async () => {
  const some = graphOf({ '/me/adaccounts': listOf([account('1')]), '/me/businesses': graphError(200) });
  const token = listingToken({ scopes: ['business_management'] });
  const { items, isComplete } = await some.adAccounts.findAll(token, noProgress);
  expect([items.length, isComplete]).toEqual([1, false]);
  expect((await catchMetaError(graphOf({}).adAccounts.findAll(token, noProgress))).verdict.kind).toBe('parameter');
});
