/** How a connect session ended: the parameters that a `return_url` gets. */
export type ConnectResult =
  | { status: 'connected'; connection_id: string }
  | {
      status: 'error';
      /**
       * A code of the service (`access_denied`, …), or `closed` or `timeout` if no result came. The login may have
       * succeeded even then: the session's status is authoritative.
       */
      error: string;
    };

export interface ConnectOptions {
  /**
   * The session's `connect_url`. If it must be fetched first, pass a function that does so: the window opens before the
   * function runs, because browsers block windows opened after the click event.
   */
  url: string | (() => Promise<string>);
  /** `auto` (the default): a pop-up, or a full page on phones and if pop-ups are blocked. */
  display?: 'auto' | 'popup' | 'page';
  /** How long to wait for the result; 1,800 if not given. */
  timeoutSeconds?: number;
}

const MESSAGE_TYPE = 'metavault.connect';
const WATCH_MS = 300;
/** A result may be on its way while its window closes. */
const GRACE_MS = 1000;
const SIZE = { width: 620, height: 760 };
/** Of the screen's shorter side, in CSS pixels. The narrowest tablets have 600. */
const PHONE_SIDE = 600;
/** The longest delay that timers support; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Opens a connect session and resolves with its result. As a full page it never resolves: the browser returns to the
 * session's `return_url`. Rejects if `url` does, or if it yields no http(s) address. Call it in a click handler.
 */
export async function connect({
  url,
  display = 'auto',
  timeoutSeconds = 1800,
}: ConnectOptions): Promise<ConnectResult> {
  const popup = display === 'page' || (display === 'auto' && isPhone()) ? null : openWindow();
  try {
    const link = parseLink(typeof url === 'string' ? url : await url());
    if (popup === null) {
      location.assign(link);
      return await new Promise<never>(() => undefined);
    }
    link.searchParams.set('display', 'popup');
    popup.location.replace(link);
    return await waitForResult(popup, link.origin, Math.min(timeoutSeconds * 1000, MAX_TIMER_MS));
  } finally {
    popup?.close();
  }
}

function parseLink(url: string): URL {
  const link = new URL(url);
  if (link.protocol !== 'https:' && link.protocol !== 'http:') throw new TypeError('url must be an http(s) address');
  return link;
}

function isPhone(): boolean {
  return matchMedia('(pointer: coarse)').matches && Math.min(screen.width, screen.height) < PHONE_SIDE;
}

/** Null if pop-ups are blocked. Each call opens its own window. */
function openWindow(): Window | null {
  const left = screenX + Math.max(0, (outerWidth - SIZE.width) / 2);
  const top = screenY + Math.max(0, (outerHeight - SIZE.height) / 2);
  return open('', '_blank', `popup,width=${SIZE.width},height=${SIZE.height},left=${left},top=${top}`);
}

function waitForResult(popup: Window, origin: string, timeoutMs: number): Promise<ConnectResult> {
  return new Promise((resolve) => {
    const end = (result: ConnectResult): void => {
      removeEventListener('message', receive);
      clearInterval(watch);
      clearTimeout(timeout);
      resolve(result);
    };
    const receive = ({ origin: from, source, data }: MessageEvent): void => {
      if (from !== origin || source !== popup || data?.type !== MESSAGE_TYPE) return;
      const { status, connection_id, error } = data;
      end(status === 'connected' ? { status, connection_id } : { status: 'error', error });
    };
    let closedMs = 0;
    // A dialog that cuts itself off from its opener (COOP) looks closed while in use; this page has no focus then.
    const watch = setInterval(() => {
      closedMs = popup.closed && document.hasFocus() ? closedMs + WATCH_MS : 0;
      if (closedMs > GRACE_MS) end({ status: 'error', error: 'closed' });
    }, WATCH_MS);
    const timeout = setTimeout(() => end({ status: 'error', error: 'timeout' }), timeoutMs);
    addEventListener('message', receive);
  });
}
