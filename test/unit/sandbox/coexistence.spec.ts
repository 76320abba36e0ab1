import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { seedIds } from '../../../src/sandbox/state/default-seed.ts';
import { type Callbacks, startCallbacks } from './callback-listener.ts';
import { at, bearer, call, exchange, form, json, start, textAt } from './sandbox-harness.ts';

let sandbox: Sandbox;
let callbacks: Callbacks;
beforeEach(async () => {
  sandbox = await start();
  callbacks = await startCallbacks();
  await control('apps/patch', { webhookUrl: callbacks.url });
});
afterEach(async () => {
  await sandbox.close();
  await callbacks.close();
});

const graph = (path: string, init: RequestInit) => call(`${sandbox.url}/graph.facebook.com/v26.0/${path}`, init);
const control = (path: string, body: unknown) => call(`${sandbox.url}/__sandbox/${path}`, json(body));
const ERROR = 'error.code';

/** The values of the webhooks that came for a field, oldest first. */
async function valuesOf(field: string): Promise<unknown[]> {
  await sandbox.state.callbacks.waitForPending();
  return callbacks.received
    .flatMap(({ json: body }) => at(body, 'entry') as { changes: { field: string; value: unknown }[] }[])
    .flatMap(({ changes }) => changes.filter((change) => change.field === field).map(({ value }) => value));
}

/** Signs up as a user of the WhatsApp Business app, and finds the number as an integration has to. */
async function signUp() {
  const query = new URLSearchParams({
    client_id: sandbox.app.id,
    config_id: seedIds.signupConfiguration,
    response_type: 'code',
    override_default_response_type: 'true',
    extras: '{"featureType":"whatsapp_business_app_onboarding"}',
    sandbox_sdk_origin: 'http://localhost:3000',
    sandbox_action: 'approve',
  });
  const page = await call(`${sandbox.url}/www.facebook.com/v26.0/dialog/oauth?${query}`);
  const ending: unknown = JSON.parse(/^const \{.*\} = (.*);$/m.exec(page.text)?.[1] ?? '');
  const message: unknown = JSON.parse(textAt(ending, 'signup'));
  const token = textAt(await exchange(sandbox, { code: textAt(ending, 'response.authResponse.code') }), 'access_token');
  const waba = textAt(message, 'data.waba_id');
  const phones = await graph(`${waba}/phone_numbers?fields=id,is_on_biz_app,platform_type,status`, bearer(token));
  return { message, token, waba, phones, phone: textAt(phones, 'data.0.id') };
}
type Signup = Awaited<ReturnType<typeof signUp>>;

const post = ({ token }: Signup, path: string, body: Record<string, string> = {}) =>
  graph(path, bearer(token, form({ messaging_product: 'whatsapp', ...body })));
const synchronize = (signup: Signup, kind: string) => post(signup, `${signup.phone}/smb_app_data`, { sync_type: kind });

describe('coexistence', () => {
  it('ends with its own event and the account alone; the number is registered already', async () => {
    const signup = await signUp();
    expect(signup.message).toEqual({
      type: 'WA_EMBEDDED_SIGNUP',
      event: 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING',
      data: { waba_id: signup.waba },
    });
    expect(signup.waba).not.toBe(seedIds.waba);
    expect(at(signup.phones, 'data.0')).toEqual({
      id: signup.phone,
      is_on_biz_app: true,
      platform_type: 'CLOUD_API',
      status: 'CONNECTED',
    });
    expect(at(await post(signup, `${signup.phone}/register`, { pin: '123456' }), ERROR)).toBe(100);
    expect((await post(signup, `${signup.phone}/messages`, { to: '16505551234' })).status).toBe(200);
    expect(await valuesOf('account_update')).toEqual([
      { event: 'PARTNER_ADDED', waba_info: { waba_id: signup.waba, owner_business_id: seedIds.business } },
    ]);
  });

  it('synchronizes each kind once, and sends what was asked for', async () => {
    const signup = await signUp();
    await post(signup, `${signup.waba}/subscribed_apps`);
    const first = await synchronize(signup, 'smb_app_state_sync');
    expect(first.json).toEqual({ messaging_product: 'whatsapp', request_id: expect.any(String) });
    expect(at(await synchronize(signup, 'smb_app_state_sync'), ERROR)).toBe(100);
    expect((await synchronize(signup, 'history')).status).toBe(200);
    expect(at(await synchronize(signup, 'history'), ERROR)).toBe(100);
    expect(at(await synchronize(signup, 'everything'), ERROR)).toBe(100);
    const metadata = { display_phone_number: expect.stringMatching(/^\d+$/), phone_number_id: signup.phone };
    expect(await valuesOf('smb_app_state_sync')).toEqual([
      expect.objectContaining({ metadata, state_sync: [expect.objectContaining({ type: 'contact', action: 'add' })] }),
    ]);
    expect(await valuesOf('history')).toEqual([
      expect.objectContaining({ metadata, history: [expect.objectContaining({ threads: [expect.anything()] })] }),
    ]);
  });

  it('synchronizes within a day, and numbers of the app alone', async () => {
    const signup = await signUp();
    expect(at(await synchronize({ ...signup, phone: seedIds.phone }, 'history'), ERROR)).toBe(100);
    sandbox.state.advanceClock(86_401);
    expect(at(await synchronize(signup, 'history'), ERROR)).toBe(100);
  });

  it('can be left in the app, and begun anew', async () => {
    const signup = await signUp();
    await synchronize(signup, 'history');
    const left = await control('whatsapp/leave', { wabaId: signup.waba });
    expect(left.json).toMatchObject({ status: 200 });
    expect((await valuesOf('account_update')).at(-1)).toMatchObject({
      event: 'PARTNER_REMOVED',
      waba_info: { waba_id: signup.waba },
    });
    expect(at(await graph(signup.waba, bearer(signup.token)), 'error.error_subcode')).toBe(33);
    const again = await signUp();
    expect([again.waba, again.phone]).toEqual([signup.waba, signup.phone]);
    expect((await synchronize(again, 'history')).status).toBe(200);
  });

  it('echoes what the business writes in its app', async () => {
    const signup = await signUp();
    expect(at(await control('whatsapp/echo', { phoneId: signup.phone }), 'error')).toContain('subscribe');
    await post(signup, `${signup.waba}/subscribed_apps`);
    await control('whatsapp/echo', { phoneId: signup.phone, to: '491701234567', text: 'Hello' });
    expect(await valuesOf('smb_message_echoes')).toEqual([
      expect.objectContaining({
        message_echoes: [expect.objectContaining({ from: '15555550100', to: '491701234567', text: { body: 'Hello' } })],
      }),
    ]);
  });
});

describe('business-scoped ids', () => {
  const send = async (kind: 'message' | 'status', body: Record<string, string>) => {
    await control(`whatsapp/${kind}`, { phoneId: seedIds.phone, url: callbacks.url, ...body });
    return (await valuesOf('messages')).at(-1);
  };
  const id = expect.stringMatching(/^US\.\d{20}$/);

  it('stand beside the number of a person, or in its place', async () => {
    const known = await send('message', { from: '16505551234', name: 'Ada' });
    expect(known).toMatchObject({
      contacts: [{ profile: { name: 'Ada' }, wa_id: '16505551234', user_id: id }],
      messages: [{ from: '16505551234', from_user_id: id, type: 'text' }],
    });
    const named = await send('message', { username: 'ada.l', name: 'Ada' });
    expect(at(named, 'contacts.0')).toEqual({ profile: { name: 'Ada', username: 'ada.l' }, user_id: id });
    expect(at(named, 'messages.0')).not.toHaveProperty('from');
    expect(at(named, 'messages.0.from_user_id')).toBe(at(named, 'contacts.0.user_id'));
    expect(at(named, 'messages.0.from_user_id')).not.toBe(at(known, 'messages.0.from_user_id'));
  });

  it('name the recipient of a status', async () => {
    const named = await send('status', { username: 'ada.l', messageId: 'wamid.X', status: 'read' });
    expect(at(named, 'statuses.0')).toEqual({
      id: 'wamid.X',
      status: 'read',
      timestamp: expect.any(String),
      recipient_user_id: id,
    });
    expect(at(await send('status', { from: '16505551234' }), 'statuses.0')).toMatchObject({
      recipient_id: '16505551234',
      recipient_user_id: id,
    });
  });

  it('are taken in recipient and in to', async () => {
    const signup = await signUp();
    for (const name of ['recipient', 'to']) {
      const sent = await post(signup, `${signup.phone}/messages`, { [name]: 'US.13491208655302741918' });
      expect(at(sent, 'contacts')).toEqual([{ input: 'US.13491208655302741918', user_id: 'US.13491208655302741918' }]);
    }
  });
});
