import { describe, expect, it } from '@jest/globals';
import { splitWebhook } from '../../../src/webhooks/split-webhook.ts';
import { COEXISTENCE_CHANGES } from '../../support/coexistence-webhooks.ts';

const WABA = '102290129340398';
const PHONE = '106540352242922';

describe('webhooks of WhatsApp Business app numbers, and of people whose numbers are hidden', () => {
  it.each(COEXISTENCE_CHANGES)('$name is about its account and its number', ({ change }) => {
    const entry = { id: WABA, time: 1_739_321_024, changes: [change(PHONE)] };
    const [split] =
      splitWebhook(Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] }))) ?? [];
    expect(split?.subject).toMatchObject({
      assets: [
        { type: 'whatsapp_business_account', id: WABA },
        { type: 'phone_number', id: PHONE, parentIds: [WABA] },
      ],
      userIds: [],
      isAboutAccess: false,
    });
    expect(JSON.parse(split?.text ?? '')).toEqual(entry);
  });
});
