import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DeliverySender } from '../../../../src/events/subscribers/delivery-sender.ts';
import {
  createSubscriberHttpClient,
  toAddressRules,
} from '../../../../src/events/subscribers/subscriber-http-client.ts';
import { SecretString } from '../../../../src/platform/secret-string.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { ManualTimers } from '../../../support/manual-timers.ts';
import { testConfig } from '../../../support/test-config.ts';
import { type Receiver, startReceiver } from '../../../support/webhook-receiver.ts';

const MESSAGE = { id: 'evt_1', type: 'connection.refreshed', at: new Date(0), data: '{}' } as const;
let receiver: Receiver;
let timers: ManualTimers;
let sender: DeliverySender;

beforeEach(async () => {
  receiver = await startReceiver(() => undefined);
  timers = new ManualTimers();
  sender = new DeliverySender(createSubscriberHttpClient(toAddressRules(testConfig())), new FakeClock(), timers);
});
afterEach(async () => {
  await sender.close();
  await receiver.close();
});

const send = () => sender.send({ url: receiver.url, secrets: [new SecretString('whsec_AAAA')] }, MESSAGE);

describe('a request to a subscriber', () => {
  it('gives up after ten seconds', async () => {
    const attempt = send();
    await receiver.waitFor(1);
    timers.advance(10_000);
    expect(await attempt).toEqual({ status: null, error: 'timeout', retryAfterSeconds: null });
  });

  it('may take almost as long', async () => {
    receiver.respondWith((_, response) => {
      timers.advance(9_999);
      response.writeHead(204).end();
    });
    expect(await send()).toEqual({ status: 204, error: null, retryAfterSeconds: null });
  });

  it('has no outcome if a shutdown aborts it, and none begins afterwards', async () => {
    const attempt = send();
    await receiver.waitFor(1);
    sender.abortAll();
    expect(await attempt).toBeNull();
    expect(await send()).toBeNull();
    expect(receiver.received).toHaveLength(1);
  });
});
