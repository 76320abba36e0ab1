/** What the scripts of pages get from the server, as JSON in the page. Also imported by `customer-pages/`. */
import type { Messages } from './messages/messages.ts';

/** Of the Embedded Signup page. */
export interface SignupSetup {
  sdk: {
    app_id: string;
    version: string;
    config_id: string | null;
    response_type: string;
    override_default_response_type: boolean;
    auth_type?: string;
    extras: object;
  };
  /** Of Meta's JavaScript SDK. */
  sdkUrl: string;
  /** Where Meta's pop-up posts its messages from: an origin, or `.` and a domain. */
  messageOrigin: string;
  /** Where the page posts its results: `…/connect/{token}`. */
  basePath: string;
  /** Names the attempt. */
  query: string;
  messages: Messages['signup'];
  /** What to say about a problem, by its code. */
  errors: Readonly<Record<string, string>>;
}

/** Of the last page of a session in a pop-up. */
export interface DoneSetup {
  /** What the page that opened the pop-up receives (docs/api.md#connecting). */
  message: DoneMessage;
  targetOrigin: string;
  /** With the result. */
  returnUrl: string | null;
}

export type DoneMessage = { type: 'metavault.connect' } & (
  | { status: 'connected'; connection_id: string }
  | { status: 'error'; error: string }
);
