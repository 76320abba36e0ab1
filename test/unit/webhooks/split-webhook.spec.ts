import { describe, expect, it } from '@jest/globals';
import { splitWebhook } from '../../../src/webhooks/split-webhook.ts';
import { readRecorded } from '../meta/read-recorded.ts';

const split = (text: string) => splitWebhook(Buffer.from(text));
const hashes = (text: string) => split(text)?.map(({ hash }) => hash.toString('hex'));

describe('splitting a delivery', () => {
  it('cuts each entry out of the body without changing a byte', () => {
    const first =
      '{ "id" : 17841400000000000123, "time":1.50e3, "text":"\\u00e4 \\/ \\ud83d\\ude00 \\"}]" , "nested":[{},[ ],null,true,-0.0] }';
    const second = '{"id":"2"}';
    const entries = split(`{"object":"page","entry":[${first} ,\n${second}]}`);
    expect(entries?.map(({ text }) => text)).toEqual([first, second]);
    expect(entries?.map(({ object }) => object)).toEqual(['page', 'page']);
  });

  it.each(['webhook_payloads_page_ig_user_permissions.json', 'webhook_payloads_whatsapp.json'])(
    'reads every recorded payload of %s',
    (file) => {
      const { cases } = readRecorded<{ cases: { body: { object: string; entry: unknown[] } }[] }>(file);
      expect(cases.length).toBeGreaterThan(10);
      for (const { body } of cases) {
        const entries = split(JSON.stringify(body));
        expect(entries?.map(({ text }) => JSON.parse(text) as unknown)).toEqual(body.entry);
        expect(entries?.map(({ object }) => object)).toEqual(body.entry.map(() => body.object));
      }
    },
  );

  it('distinguishes entries by content, not formatting', () => {
    const of = (entry: string, object = 'page') => hashes(`{"object":"${object}","entry":[${entry}]}`)?.[0];
    const hash = of('{"id":"1","time":2,"url":"a\\/b","n":"\\u00e4"}');
    expect(of('{ "time": 2, "n":"ä", "url":"a/b", "id":"1" }')).toBe(hash);
    expect(of('{"id":"1","time":3,"url":"a/b","n":"ä"}')).not.toBe(hash);
    expect(of('{"id":"1","time":2,"url":"a/b","n":"ä"}', 'instagram')).not.toBe(hash);
    expect(of('{"id":17841400000000000123}')).not.toBe(of('{"id":17841400000000000124}'));
    expect(of('{"id":["1","2"]}')).not.toBe(of('{"id":["2","1"]}'));
  });

  it('counts the same entry twice in one body as one', () => {
    expect(split('{"object":"page","entry":[{"id":"1"},{"id" :"1"},{"id":"2"}]}')).toHaveLength(2);
  });

  it('keeps a body without entries whole, and an empty list empty', () => {
    const whole = '{"topic":"moderate","target_id":"78901"}';
    expect(split(whole)).toEqual([expect.objectContaining({ object: '', text: whole })]);
    expect(split('{"object":"page","entry":[]}')).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['invalid JSON', '{"object":"page","entry":[}'],
    ['a trailing comma', '{"object":"page","entry":[],}'],
    ['not an object', '[1]'],
    ['nested too deep', `{"entry":[${'['.repeat(200)}${']'.repeat(200)}]}`],
    ['nested far too deep', '['.repeat(200_000)],
  ])('refuses %s', (_, text) => {
    expect(split(text)).toBeNull();
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(splitWebhook(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBeNull();
  });
});

describe('the subject of an entry', () => {
  const subject = (object: string, entry: object) => split(JSON.stringify({ object, entry: [entry] }))?.[0]?.subject;

  it('is the asset named by its id, as a string or a number of any length', () => {
    expect(subject('page', { id: '12345' })?.assets).toEqual([{ type: 'page', id: '12345' }]);
    expect(split('{"object":"page","entry":[{"id":12345678901234567890}]}')?.[0]?.subject.assets).toEqual([
      { type: 'page', id: '12345678901234567890' },
    ]);
    expect(subject('instagram', { id: '178' })?.assets).toEqual([{ type: 'instagram_account', id: '178' }]);
    expect(subject('ad_account', { id: '9' })?.assets).toEqual([{ type: 'ad_account', id: 'act_9' }]);
  });

  it('is the account and the phone number of WhatsApp, and the account that a partner event names', () => {
    const value = { event: 'PARTNER_REMOVED', waba_info: { waba_id: '77' }, metadata: { phone_number_id: '55' } };
    expect(subject('whatsapp_business_account', { id: '11', changes: [{ field: 'account_update', value }] })).toEqual({
      assets: [
        { type: 'whatsapp_business_account', id: '11' },
        { type: 'whatsapp_business_account', id: '77' },
        { type: 'phone_number', id: '55', parentIds: ['11', '77'] },
      ],
      userIds: [],
      guessedOwnerHost: null,
      isAboutAccess: true,
    });
  });

  it('is the user of permissions and of users', () => {
    expect(subject('permissions', { id: '5', uid: '5' })?.userIds).toEqual(['5']);
    expect(subject('user', { id: '5', uid: '6' })?.userIds).toEqual(['5', '6']);
  });

  it('is empty for test events of the dashboard, malformed ids, and unknown objects', () => {
    expect(subject('page', { id: '0' })?.assets).toEqual([]);
    expect(subject('page', { id: 0 })?.assets).toEqual([]);
    expect(subject('page', { id: null })?.assets).toEqual([]);
    expect(subject('page', { id: "1' OR 1=1" })?.assets).toEqual([]);
    expect(subject('toString', { id: '5' })).toEqual({
      assets: [],
      userIds: [],
      guessedOwnerHost: null,
      isAboutAccess: false,
    });
    expect(split('{"object":"page","entry":["x",5,null]}')?.map((each) => each.subject.assets)).toEqual([[], [], []]);
  });

  it.each([
    ['permissions', { changes: [{ field: 'connected', verb: 'revoked' }] }, true],
    ['permissions', { changes: [{ field: 'email', value: { verb: 'revoked' } }] }, true],
    ['permissions', { changes: [{ field: 'connected', verb: 'granted' }] }, false],
    ['permissions', { changes: [{ field: 'x', value: { verb: 'granted' } }] }, false],
    [
      'whatsapp_business_account',
      { changes: [{ field: 'account_update', value: { event: 'DISABLED_UPDATE' } }] },
      true,
    ],
    ['whatsapp_business_account', { changes: [{ field: 'messages', value: {} }] }, false],
    ['page', { changes: [{ field: 'feed', value: { verb: 'remove' } }] }, false],
    ['page', { messaging: [{ 'policy-enforcement': { action: 'block' } }] }, true],
    ['page', { messaging: [{ message: {} }] }, false],
  ])('%s %j is about access: %s', (object, entry, expected) => {
    expect(subject(object, { id: '5', ...entry })?.isAboutAccess).toBe(expected);
  });
});

describe('a Threads body', () => {
  const envelope = {
    app_id: '3003',
    topic: 'moderate',
    target_id: '78901',
    time: 1723226877,
    subscription_id: '234567',
  };
  const reply = { id: '8901234', replied_to: { id: '567890' }, root_post: { id: '123456', owner_id: '555' } };
  const body = (values: unknown, more: object = {}) => JSON.stringify({ ...envelope, ...more, values });
  const owners = (values: unknown, more: object = {}) =>
    split(body(values, more))?.map(({ subject }) => subject.userIds);

  it.each([
    ['an object', { value: reply, field: 'replies' }],
    ['a list', [{ value: reply, field: 'replies' }]],
    [
      'a list of two',
      [
        { value: reply, field: 'replies' },
        { value: { ...reply, id: '2' }, field: 'replies' },
      ],
    ],
  ])('is one unchanged entry of the object threads if its values are %s', (_, values) => {
    expect(split(body(values))).toEqual([
      expect.objectContaining({
        object: 'threads',
        text: body(values),
        appId: '3003',
        subject: { assets: [], userIds: ['555', '78901'], guessedOwnerHost: 'threads', isAboutAccess: false },
      }),
    ]);
  });

  it.each([
    ['a reply, whose target is a post', 'replies', reply, ['555', '78901']],
    ['a post that was deleted', 'delete', { id: '1', owner: { owner_id: '777' }, deleted_at: 'x' }, ['777', '78901']],
    ['a post that was published', 'publish', { id: '1', username: 'u' }, ['78901']],
    ["a reply published in another's thread", 'publish', reply, ['78901']],
    ['a mention, whose target is the user', 'mentions', { id: '1' }, ['78901']],
    ["a mention in another's thread", 'mentions', reply, ['78901', '555']],
    ['a new field', 'likes', { ...reply, owner: { owner_id: 777 } }, ['555', '777', '78901']],
    ['nothing that names anyone', 'replies', 'x', ['78901']],
  ])('names candidate owners, likeliest first: %s', (_, name, value, expected) => {
    expect(owners({ value, field: name })).toEqual([expected]);
  });

  it('accepts numeric ids, but not test ids of the dashboard', () => {
    expect(
      owners(
        { value: { root_post: { owner_id: 0 } }, field: 'replies' },
        { target_id: 12345678901234567890n.toString() },
      ),
    ).toEqual([['12345678901234567890']]);
    expect(split(`{"app_id":3003,"values":{"value":{"root_post":{"owner_id":12345678901234567890}}}}`)).toMatchObject([
      { appId: '3003', subject: { userIds: ['12345678901234567890'] } },
    ]);
  });

  it("is one entry per user, without the others' data, if a list is about several", () => {
    const [mine, theirs] = [
      { value: { ...reply, text: 'a \u00e4' }, field: 'replies' },
      { value: { ...reply, root_post: { owner_id: '666' }, text: 'b' }, field: 'replies' },
    ];
    const entries = split(body([mine, theirs, mine]));
    expect(entries?.map(({ text }) => JSON.parse(text) as unknown)).toEqual([
      { ...envelope, values: [mine, mine] },
      { ...envelope, values: [theirs] },
    ]);
    expect(entries?.map(({ subject }) => subject.userIds[0])).toEqual(['555', '666']);
  });

  it('counts once however it is formatted; another time or app makes another entry', () => {
    const hash = hashes(body({ value: reply, field: 'replies' }))?.[0];
    const { app_id: appId, ...rest } = envelope;
    expect(
      hashes(JSON.stringify({ values: { field: 'replies', value: reply }, ...rest, app_id: appId }, null, 2)),
    ).toEqual([hash]);
    expect(hashes(body({ value: reply, field: 'replies' }, { time: 1 }))).not.toEqual([hash]);
  });

  it('is not recognized if values are neither object nor list, or with an object or entry member', () => {
    expect(split(body('x'))).toMatchObject([{ object: '', appId: null, subject: { userIds: [] } }]);
    expect(split(body([], { object: 'page' }))).toMatchObject([{ object: 'page' }]);
    expect(split(body([], { object: 'threads', entry: [{ id: '5' }] }))).toMatchObject([
      { object: 'threads', appId: null, subject: { userIds: ['5'], guessedOwnerHost: null } },
    ]);
  });
});
