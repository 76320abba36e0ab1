import { Inject, Injectable } from '@nestjs/common';
import type { SecretString } from '../../platform/secret-string.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, readText } from '../graph/lossless-json.ts';

/** Meta's `sync_type` by what it is about. */
const SYNC_TYPES = { contacts: 'smb_app_state_sync', history: 'history' } as const;

const REQUEST_ID = /^[\w.:=+/-]{1,200}$/;

/** The one-time synchronization of a number of the WhatsApp Business app (docs/meta-facts.md, Coexistence). */
@Injectable()
export class PhoneSynchronizationApi {
  constructor(@Inject(GraphTransport) private readonly transport: GraphTransport) {}

  /**
   * Has Meta send contacts or history by webhooks. Meta's id of the request; null where it gives none. Throws `MetaError`, and `RangeError`
   * for an id that is none.
   */
  async request(phoneNumberId: string, token: SecretString, kind: keyof typeof SYNC_TYPES): Promise<string | null> {
    const response = await this.transport.call({
      operation: 'synchronize_phone_number',
      context: 'graph',
      host: 'facebook',
      method: 'POST',
      path: `/${this.transport.host('facebook').version}/${requireGraphId(phoneNumberId)}/smb_app_data`,
      form: { messaging_product: 'whatsapp', sync_type: SYNC_TYPES[kind] },
      auth: { by: 'credential', token },
      // Meta takes it once and refuses a repeat, which would then look like a failure.
      effect: 'once',
    });
    const body = asObject(response.json);
    if (field(body, 'success') === false)
      throw unusableResponseError('synchronize_phone_number', response.status, true);
    const requestId = readText(body, 'request_id');
    return requestId !== null && REQUEST_ID.test(requestId) ? requestId : null;
  }
}
