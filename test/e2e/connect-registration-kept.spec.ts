import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import {
  api,
  type ConnectTestContext,
  createSession,
  openConnectTestContext,
} from '../support/connect-test-context.ts';

const BUSINESS = '300000000000401';
const SCOPES = ['whatsapp_business_management', 'whatsapp_business_messaging'];
let context: ConnectTestContext;

beforeAll(async () => {
  context = await openConnectTestContext();
});
afterAll(() => context?.close());

it('a failed number registration is still reported after its user reconnects', async () => {
  const { make } = context.sandbox.state;
  const { id: wabaId } = make.waba({ businessId: BUSINESS, name: 'A shop' });
  const { id: userId } = make.user({ kind: 'system_user', businessId: BUSINESS, wabaIds: [wabaId] });
  const { id: number } = make.phone({ wabaId, pin: '111111' });
  const connect = async (pin: object = {}): Promise<ConnectionResponse> => {
    const session = await createSession(context, { product: 'whatsapp', flow: 'embedded_signup' });
    const code = make.code({ userId, fromSdk: true, expiresIn: null, scopes: SCOPES });
    const body = { code, waba_id: wabaId, ...pin };
    return (await api(context).post(`/v1/connect-sessions/${session.id}/complete`, body).expect(201))
      .body as ConnectionResponse;
  };
  const failed = await connect({ pin: '222222' });
  expect(failed.status_reason?.code).toBe('phone_number_not_registered');
  context.clock.advance(60);
  const again = await connect();
  expect(again.id).toBe(failed.id);
  expect(again.status_reason).toEqual(failed.status_reason);
  const path = `/v1/connections/${again.id}/phone-numbers/${number}/register`;
  expect((await api(context).post(path, { pin: '111111' }).expect(200)).body.status_reason).toBeNull();
  expect((await connect()).status_reason).toBeNull();
});
