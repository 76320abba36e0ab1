import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { ConnectionResponse } from '../../src/connections/connection/connection-response.dto.ts';
import { ImmediateInspectionService } from '../../src/lifecycle/inspection/immediate-inspection.service.ts';
import { api, createSession } from '../support/connect-test-context.ts';
import { type BrowserTestContext, describeInBrowser } from '../support/describe-in-browser.ts';
import { readRelayedEvents } from '../support/relayed-events.ts';

const FEATURE = 'whatsapp_business_app_onboarding';

const sessionOf = (testContext: BrowserTestContext, body: Record<string, unknown> = {}) =>
  createSession(testContext, { product: 'whatsapp', flow: 'embedded_signup', feature_type: FEATURE, ...body });

async function connectionAt(testContext: BrowserTestContext, page: Page): Promise<ConnectionResponse> {
  await page.waitForURL((url) => url.href.startsWith(`${testContext.returnUrl}?`));
  const { searchParams } = new URL(page.url());
  expect(searchParams.get('status')).toBe('connected');
  const response = await api(testContext)
    .get(`/v1/connections/${searchParams.get('connection_id')}`)
    .expect(200);
  return response.body as ConnectionResponse;
}

const numberOf = ({ assets }: ConnectionResponse) => assets.find(({ type }) => type === 'phone_number');

async function approve(page: Page): Promise<void> {
  const opened = page.waitForEvent('popup');
  await page.getByRole('button', { name: 'Continue with Facebook' }).click();
  await (await opened).getByRole('button', { name: 'Continue' }).click();
}

/** The fields of Meta's webhooks for a connection, oldest first. */
async function fieldsOf({ replica }: BrowserTestContext, { id }: ConnectionResponse): Promise<string[]> {
  const events = await readRelayedEvents(replica);
  return events
    .filter(({ connection_id: connectionId }) => connectionId === id)
    .map(({ data }) => (JSON.parse(data) as { entry: { changes: { field: string }[] } }).entry.changes[0]?.field ?? '');
}

describeInBrowser('a user of the WhatsApp Business app', {}, ({ testContext, visitor }) => {
  it('connects on our page, is synchronized once, and leaves in the app', async () => {
    const { sandbox, listensAt, replica, returnUrl } = testContext();
    sandbox.state.patchApp(undefined, { webhookUrl: `${listensAt}/webhooks/meta` });
    const { page } = await visitor();
    await page.goto((await sessionOf(testContext(), { return_url: returnUrl })).connect_url);
    const posted = page.waitForRequest((request) => request.url().includes('/complete?'));
    await approve(page);
    const { code: _, ...message } = (await posted).postDataJSON() as Record<string, string>;
    expect(message).toEqual({
      event: 'FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING',
      waba_id: expect.stringMatching(/^\d+$/),
    });
    const connection = await connectionAt(testContext(), page);
    expect(connection).toMatchObject({ status: 'active', status_reason: null });
    const number = numberOf(connection);
    expect(number).toMatchObject({ registration: { status: 'coexistence' }, parent_id: message['waba_id'] });

    const route = `/v1/connections/${connection.id}/phone-numbers/${number?.id}`;
    const refused = await api(testContext()).post(`${route}/register`, { pin: '123456' });
    expect([refused.status, refused.body.code]).toEqual([409, 'registration_not_allowed']);
    const both = await api(testContext()).post(`${route}/synchronize`, { kinds: ['contacts', 'history'] });
    expect([both.status, both.body.results]).toEqual([
      202,
      ['contacts', 'history'].map((kind) => ({
        kind,
        status: 'requested',
        request_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      })),
    ]);
    await sandbox.state.callbacks.waitForPending();
    const fields = await fieldsOf(testContext(), connection);
    expect(fields.filter((field) => field !== 'account_update').sort()).toEqual(['history', 'smb_app_state_sync']);

    await sandbox.state.whatsapp.leave(message['waba_id'] ?? '');
    await replica.app.get(ImmediateInspectionService).whenIdle();
    const after = await api(testContext()).get(`/v1/connections/${connection.id}`);
    expect(after.body).toMatchObject({
      status: 'reauth_required',
      status_reason: { code: 'partner_removed' },
      assets: [],
    });
  });

  it('is not asked for a pin on the final page', async () => {
    const { page } = await visitor();
    await page.goto((await sessionOf(testContext(), { return_url: undefined })).connect_url);
    await approve(page);
    await page.getByRole('heading', { name: 'Connected' }).waitFor();
    expect(await page.locator('body').innerText()).not.toMatch(/pin|register/i);
  });

  it('also connects on the full page, where no message says how it ended', async () => {
    const { page } = await visitor();
    const { connect_url: url } = await sessionOf(testContext(), { return_url: testContext().returnUrl });
    await page.goto(`${url}/dialog`);
    await page.getByRole('button', { name: 'Continue' }).click();
    const number = numberOf(await connectionAt(testContext(), page));
    expect(number).toMatchObject({
      registration: { status: 'coexistence' },
      synchronization: { deadline_at: expect.any(String), contacts: { status: 'not_requested' } },
    });
  });
});
