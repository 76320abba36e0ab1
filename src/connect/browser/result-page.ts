import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import type { Locale } from '../../customer-pages/locale.ts';
import { fillMessage, messagesIn } from '../../customer-pages/messages/message-catalog.ts';
import type { Messages, Shortcoming } from '../../customer-pages/messages/messages.ts';
import { escapeHtml } from '../../platform/html.ts';
import type { ConnectSession } from '../connect-session.ts';

const MAX_NAMED_ASSETS = 8;
const MAX_NAMED_NUMBERS = 3;

/** What customers see of a connection's `status_reason`; only API clients see the rest. */
const SHORTCOMINGS: Readonly<Record<string, Shortcoming>> = {
  no_page: 'nothing_found',
  no_ad_account: 'nothing_found',
  no_instagram_account: 'nothing_found',
  no_whatsapp_account: 'no_whatsapp_account',
  discovery_refused: 'permission_missing',
  no_page_permission: 'permission_missing',
  scopes_missing: 'permission_missing',
  phone_number_missing: 'phone_number_missing',
  phone_number_unverified: 'phone_number_unverified',
};

interface ConnectedPageOptions {
  locale: Locale;
  session: Pick<ConnectSession, 'product' | 'tenantName'>;
  /** The product's name; null if unknown. */
  brandName: string | null;
  connection: Pick<ConnectionResponse, 'id' | 'assets' | 'assets_count' | 'credentials' | 'status_reason'>;
  docsUrl: string;
}

/** Renders what was connected, for whom, and what to do next. Only API clients deal with pins. */
export function renderConnected({ locale, session, brandName, connection, docsUrl }: ConnectedPageOptions): string {
  const messages = messagesIn(locale);
  const { connected, products } = messages;
  const { product, tenantName } = session;
  const forWhom = tenantName ?? brandName;
  const name = `<bdi>${escapeHtml(forWhom ?? '')}</bdi>`;
  const values = { what: escapeHtml(products[product].whatIsConnected), name };
  const lines = [
    `<h1>${escapeHtml(connected.title)}</h1>`,
    `<p>${fillMessage(forWhom === null ? connected.summary : connected.summaryFor, values)}</p>`,
    renderAssets(messages, connection),
  ];
  const left = [...renderShortcoming(messages, connection), ...renderRegistration(messages, connection, docsUrl)];
  const done = left.length === 0 ? `${escapeHtml(connected.complete)} ` : '';
  const close = fillMessage(brandName === null ? connected.close : connected.closeAndReturn, {
    name: `<bdi>${escapeHtml(brandName ?? '')}</bdi>`,
  });
  return [...lines, ...left, `<p>${done}${close}</p>`].filter((line) => line !== '').join('\n');
}

/**
 * Numbers not known to be registered: includes those an earlier partner registered, but not the WhatsApp Business
 * app's.
 */
export function findUnregisteredNumbers({ assets }: Pick<ConnectionResponse, 'assets'>): ConnectionResponse['assets'] {
  const isUnregistered = (status: string | undefined): boolean => status === undefined || status === 'failed';
  return assets.filter(({ type, registration }) => type === 'phone_number' && isUnregistered(registration?.status));
}

/** Without assets of its own, a login is named by its account. */
function renderAssets(
  { connected }: Messages,
  { assets, assets_count: count, credentials }: ConnectedPageOptions['connection'],
): string {
  const item = (label: string, name: string, className = ''): string =>
    `<li>${escapeHtml(label)}: <strong${className}><bdi>${escapeHtml(name)}</bdi></strong></li>`;
  const items = assets
    .slice(0, MAX_NAMED_ASSETS)
    .map(({ type, id, name }) =>
      item(connected.assets[type], name ?? id, type === 'phone_number' ? ' class="number"' : ''),
    );
  const rest = count - items.length;
  if (rest > 0) items.push(`<li>${fillMessage(connected.more, { count: String(rest) })}</li>`);
  const accountName = credentials[0]?.subject_name ?? null;
  if (items.length === 0 && accountName !== null) items.push(item(connected.account, accountName));
  return items.length === 0 ? '' : `<ul>\n${items.join('\n')}\n</ul>`;
}

function renderShortcoming(
  { connected }: Messages,
  { status_reason: reason }: ConnectedPageOptions['connection'],
): string[] {
  if (reason === null) return [];
  const text = connected.shortcomings[SHORTCOMINGS[reason.code] ?? 'other'];
  return [`<p>${escapeHtml(`${connected.incomplete} ${text}`)}</p>`];
}

function renderRegistration(
  { connected }: Messages,
  connection: ConnectedPageOptions['connection'],
  docsUrl: string,
): string[] {
  const numbers = findUnregisteredNumbers(connection);
  const [first, second] = numbers;
  if (first === undefined) return [];
  const named = numbers
    .slice(0, MAX_NAMED_NUMBERS)
    .map(({ id, name }) => escapeHtml(name ?? id))
    .join(', ');
  const rest = numbers.length - MAX_NAMED_NUMBERS;
  const all = rest > 0 ? fillMessage(connected.registrationMore, { numbers: named, count: String(rest) }) : named;
  const number = second === undefined ? first.id : '{phone_number_id}';
  const route = `POST /v1/connections/${connection.id}/phone-numbers/${number}/register`;
  return [
    `<p>${fillMessage(connected.registration, { numbers: all })}</p>`,
    `<p><small>${escapeHtml(connected.forDevelopers)} <code>${escapeHtml(route)}</code> (<a href="${escapeHtml(docsUrl)}">${escapeHtml(connected.documentation)}</a>)</small></p>`,
  ];
}
