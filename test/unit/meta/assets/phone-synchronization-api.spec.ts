import { describe, expect, it } from '@jest/globals';
import { PhoneSynchronizationApi } from '../../../../src/meta/assets/phone-synchronization-api.ts';
import { HttpRequestError } from '../../../../src/platform/http-client/http-client.ts';
import { catchMetaError, graphError, scriptedMeta, TOKEN } from '../scripted-meta.ts';

function scripted(...steps: Parameters<typeof scriptedMeta>) {
  const meta = scriptedMeta(...steps);
  return { sent: meta.sent, api: new PhoneSynchronizationApi(meta.transport) };
}

describe('requesting a synchronization', () => {
  it.each([
    ['contacts', 'smb_app_state_sync'],
    ['history', 'history'],
  ] as const)("asks for %s under Meta's name", async (kind, syncType) => {
    const { api, sent } = scripted({ body: { messaging_product: 'whatsapp', request_id: 'req_1' } });
    expect(await api.request('320', TOKEN, kind)).toBe('req_1');
    expect(sent[0]?.method).toBe('POST');
    expect(sent[0]?.path).toMatch(/\/320\/smb_app_data$/);
    const { appsecret_proof: _, ...form } = Object.fromEntries(sent[0]?.form ?? []);
    expect(form).toEqual({ messaging_product: 'whatsapp', sync_type: syncType });
    expect(sent[0]?.url.search).toBe('');
  });

  it.each([[{ success: true }], [{ messaging_product: 'whatsapp', request_id: 'a <b>' }], [{}]])(
    'takes %j for a request without an id',
    async (body) => {
      expect(await scripted({ body }).api.request('320', TOKEN, 'contacts')).toBeNull();
    },
  );

  it('is never retried automatically once it may have arrived', async () => {
    for (const step of [
      graphError(1, undefined, 500),
      { status: 502, body: '<html></html>' },
      new HttpRequestError('timeout', true),
    ]) {
      const { api, sent } = scripted(step);
      expect((await catchMetaError(api.request('320', TOKEN, 'history'))).verdict.kind).toBe('transient');
      expect(sent).toHaveLength(1);
    }
    expect(
      (await catchMetaError(scripted({ body: { success: false } }).api.request('320', TOKEN, 'history'))).verdict.kind,
    ).toBe('transient');
  });
});

describe('the numbers of an account', () => {
  it('show whether the WhatsApp Business app uses them', async () => {
    const { discovery, sent } = scriptedMeta({
      body: {
        data: [
          { id: '1', is_on_biz_app: true, platform_type: 'CLOUD_API' },
          { id: '2', is_on_biz_app: false, platform_type: 'CLOUD_API' },
          { id: '3', is_on_biz_app: 'yes' },
        ],
      },
    });
    const numbers = await discovery.whatsappAccounts.listPhoneNumbers('310', TOKEN);
    expect(numbers.map(({ isOnBizApp }) => isOnBizApp)).toEqual([true, false, null]);
    expect(numbers[0]?.platformType).toBe('CLOUD_API');
    expect(sent[0]?.url.searchParams.get('fields')).toContain('is_on_biz_app,platform_type');
  });

  it('are listed without that if Meta does not know the fields', async () => {
    const { discovery, sent } = scriptedMeta(graphError(100), { body: { data: [{ id: '1' }] } });
    expect(await discovery.whatsappAccounts.listPhoneNumbers('310', TOKEN)).toMatchObject([
      { id: '1', isOnBizApp: null },
    ]);
    expect(sent.map(({ url }) => url.searchParams.get('fields')?.includes('is_on_biz_app'))).toEqual([true, false]);
  });
});
