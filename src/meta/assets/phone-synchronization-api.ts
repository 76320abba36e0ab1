import type { SecretString } from '../../platform/secret-string.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import { requireGraphId } from '../graph/graph-id.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, readText } from '../graph/lossless-json.ts';

/** Values of Meta's `sync_type`. */
const SYNC_TYPES = { contacts: 'smb_app_state_sync', history: 'history' } as const;

const REQUEST_ID = /^[\w.:=+/-]{1,200}$/;

/** The one-time synchronization of a WhatsApp Business app number (docs/meta-facts.md#coexistence). */
export class PhoneSynchronizationApi {
  constructor(private readonly transport: GraphTransport) {}

  /**
   * Asks Meta to send contacts or history by webhook. Returns Meta's request id, or null if there is none.
   * Throws `MetaError`, or `RangeError` for a malformed id.
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
      // Meta refuses a repeat, so a retry after a lost response would look like a failure.
      effect: 'once',
    });
    const body = asObject(response.json);
    if (field(body, 'success') === false)
      throw unusableResponseError('synchronize_phone_number', response.status, true);
    const requestId = readText(body, 'request_id');
    return requestId !== null && REQUEST_ID.test(requestId) ? requestId : null;
  }
}
