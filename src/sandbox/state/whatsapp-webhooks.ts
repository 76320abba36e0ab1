import { createHash } from 'node:crypto';
import type { CallbackResult, CallbackSender } from './callback-sender.ts';
import type { AppRecord, PhoneNumber, WabaRecord } from './records.ts';
import type { SandboxStore } from './sandbox-store.ts';

/** A person who writes to a business: by number or, with a username, by a business-scoped id only. */
export interface Person {
  /** Phone number, digits only. */
  from?: string;
  name?: string;
  username?: string;
}

/** Where a webhook goes: the call's URL, else the app's. */
interface Target {
  appId?: string;
  url?: string;
}

type Value = Record<string, unknown>;

/** Dependencies of the webhooks. */
interface WebhookContext {
  store: SandboxStore;
  callbacks: CallbackSender;
  now(): number;
  randomBytes(size: number): Buffer;
  /** @throws Error if there is no such app */
  appById(id: string | undefined): AppRecord;
}

/** Sends WhatsApp's webhooks, signed by the app (docs/meta-facts.md#webhooks-of-meta). */
export class WhatsappWebhooks {
  constructor(private readonly state: WebhookContext) {}

  /** Announces a finished signup, even if the browser lost the code. Sent under the portfolio's id, as Meta does. */
  partnerAdded({ waba }: { waba: WabaRecord }, app: AppRecord): void {
    const url = this.addressFor(app, 'account_update', waba);
    if (url === null) return;
    const payload = this.payload(waba.businessId, 'account_update', partnerChange('PARTNER_ADDED', waba));
    this.state.callbacks.inBackground(this.state.callbacks.webhook(url, payload, app.secret));
  }

  /** Announces a signup on demand, such as one through Meta's hosted link, or with another event name. */
  announce(wabaId: string, { event, ...target }: Target & { event?: string } = {}): Promise<CallbackResult> {
    const waba = this.waba(wabaId);
    const change = partnerChange(event ?? 'PARTNER_ADDED', waba);
    return this.send(waba, 'account_update', change, target, waba.businessId);
  }

  /** The business leaves or revokes our access: the token no longer reaches the account. */
  async leave(wabaId: string, target: Target = {}): Promise<CallbackResult> {
    const waba = this.waba(wabaId);
    const [phone] = this.state.store.phonesOf(wabaId);
    const number = phone === undefined ? {} : { phone_number: digits(phone.displayPhoneNumber) };
    const value = { ...number, ...partnerChange('PARTNER_REMOVED', waba) };
    const app = this.state.appById(target.appId);
    const url = target.url ?? this.addressFor(app, 'account_update', waba);
    delete waba.subscribedApps[app.id];
    for (const one of this.state.store.phonesOf(wabaId)) {
      delete one.onboardedAt;
      delete one.synchronized;
    }
    this.withdrawFrom(app, wabaId);
    this.state.store.onChange();
    if (url === null) return { status: null, body: 'no webhook URL for account_update' };
    return this.state.callbacks.webhook(url, this.payload(waba.id, 'account_update', value), app.secret);
  }

  /** Removes the account from all grants that name it. */
  private withdrawFrom(app: AppRecord, wabaId: string): void {
    for (const { grants } of this.state.store.principals.values()) {
      for (const [scope, ids] of Object.entries(grants[app.id]?.targets ?? {}))
        if (scope.startsWith('whatsapp_')) ids.splice(0, ids.length, ...ids.filter((id) => id !== wabaId));
    }
  }

  /** Sends the requested `history` or `smb_app_state_sync`. */
  synchronized(phone: PhoneNumber, kind: 'history' | 'smb_app_state_sync', app: AppRecord): void {
    const waba = this.waba(phone.wabaId);
    const url = this.addressFor(app, kind, waba);
    if (url === null) return;
    const payload = this.payload(waba.id, kind, this.synchronizedValue(phone, kind));
    this.state.callbacks.inBackground(this.state.callbacks.webhook(url, payload, app.secret));
  }

  private synchronizedValue(phone: PhoneNumber, kind: 'history' | 'smb_app_state_sync'): Value {
    const timestamp = this.seconds();
    const contact = '16505551234';
    if (kind === 'smb_app_state_sync') {
      const person = { full_name: 'Pablo Morales', first_name: 'Pablo', phone_number: contact };
      const entry = { type: 'contact', contact: person, action: 'add', metadata: { timestamp } };
      return { ...metadataOf(phone), state_sync: [entry] };
    }
    const message = { from: contact, id: this.messageId(), timestamp, ...textOf('Is it open on Sundays?') };
    const thread = { id: contact, messages: [{ ...message, history_context: { status: 'READ' } }] };
    return {
      ...metadataOf(phone),
      history: [{ metadata: { phase: 0, chunk_order: 1, progress: 100 }, threads: [thread] }],
    };
  }

  /** The business sends a message from its app. */
  echo(phoneId: string, given: Target & { to?: string; text?: string } = {}): Promise<CallbackResult> {
    const phone = this.phone(phoneId);
    const message = {
      from: digits(phone.displayPhoneNumber),
      to: given.to ?? '16505551234',
      id: this.messageId(),
      timestamp: this.seconds(),
      ...textOf(given.text ?? 'Sent in the app'),
    };
    const value = { ...metadataOf(phone), message_echoes: [message] };
    return this.send(this.waba(phone.wabaId), 'smb_message_echoes', value, given);
  }

  /** A person writes. With a username the number is omitted. */
  message(phoneId: string, given: Target & Person & { text?: string } = {}): Promise<CallbackResult> {
    const phone = this.phone(phoneId);
    const { userId, number } = identityOf(given);
    const profile = {
      name: given.name ?? 'Sheena Nelson',
      ...(given.username === undefined ? {} : { username: given.username }),
    };
    const message = {
      ...(number === null ? {} : { from: number }),
      from_user_id: userId,
      id: this.messageId(),
      timestamp: this.seconds(),
      ...textOf(given.text ?? 'Does it come in another color?'),
    };
    const contact = { profile, ...(number === null ? {} : { wa_id: number }), user_id: userId };
    const value = { ...metadataOf(phone), contacts: [contact], messages: [message] };
    return this.send(this.waba(phone.wabaId), 'messages', value, given);
  }

  /** Reports the status of a message that the business sent. */
  status(
    phoneId: string,
    given: Target & Person & { messageId?: string; status?: string } = {},
  ): Promise<CallbackResult> {
    const phone = this.phone(phoneId);
    const { userId, number } = identityOf(given);
    const status = {
      id: given.messageId ?? this.messageId(),
      status: given.status ?? 'delivered',
      timestamp: this.seconds(),
      ...(number === null ? {} : { recipient_id: number }),
      recipient_user_id: userId,
    };
    return this.send(this.waba(phone.wabaId), 'messages', { ...metadataOf(phone), statuses: [status] }, given);
  }

  private send(
    waba: WabaRecord,
    field: string,
    value: Value,
    target: Target,
    entryId = waba.id,
  ): Promise<CallbackResult> {
    const app = this.state.appById(target.appId);
    const url = target.url ?? this.addressFor(app, field, waba);
    if (url === null) throw new Error(`no webhook URL for ${field} of ${waba.id}: subscribe, or pass url`);
    return this.state.callbacks.webhook(url, this.payload(entryId, field, value), app.secret);
  }

  /**
   * Returns the account's override, the app's subscription, or `webhookUrl`. All fields but `account_update` require a
   * subscribed account.
   */
  private addressFor(app: AppRecord, field: string, waba: WabaRecord): string | null {
    const isAboutAccount = field === 'account_update';
    const subscribed = waba.subscribedApps[app.id];
    if (!isAboutAccount && subscribed === undefined) return null;
    if (!isAboutAccount && subscribed?.overrideCallbackUri !== undefined) return subscribed.overrideCallbackUri;
    const subscription = app.subscriptions.whatsapp_business_account;
    if (subscription?.fields.includes(field) === true) return subscription.callbackUrl;
    return app.webhookUrl ?? null;
  }

  private payload(id: string, field: string, value: Value): Value {
    const time = Math.floor(this.state.now() / 1000);
    return { object: 'whatsapp_business_account', entry: [{ id, time, changes: [{ value, field }] }] };
  }

  private seconds(): string {
    return String(Math.floor(this.state.now() / 1000));
  }

  private messageId(): string {
    return `wamid.${this.state.randomBytes(36).toString('base64')}`;
  }

  private phone(id: string): PhoneNumber {
    const phone = this.state.store.phones.get(id);
    if (phone === undefined) throw new Error(`no phone number ${id}`);
    return phone;
  }

  private waba(id: string): WabaRecord {
    const waba = this.state.store.wabas.get(id);
    if (waba === undefined) throw new Error(`no WhatsApp account ${id}`);
    return waba;
  }
}

function partnerChange(event: string, waba: WabaRecord): Value {
  return { event, waba_info: { waba_id: waba.id, owner_business_id: waba.businessId } };
}

function metadataOf(phone: PhoneNumber): Value {
  const metadata = { display_phone_number: digits(phone.displayPhoneNumber), phone_number_id: phone.id };
  return { messaging_product: 'whatsapp', metadata };
}

const textOf = (body: string): Value => ({ type: 'text', text: { body } });

const digits = (text: string): string => text.replace(/\D/g, '');

/** Returns a person's stable business-scoped id (`US.` and 20 digits), and the number if Meta reveals it. */
function identityOf({ from, username }: Person): { userId: string; number: string | null } {
  const number = from === undefined && username === undefined ? '16505551234' : (from ?? null);
  return { userId: businessScopedId(username ?? number ?? ''), number };
}

function businessScopedId(person: string): string {
  const number = createHash('sha256').update(person).digest().readBigUInt64BE(0);
  return `US.${String(number).padStart(20, '1').slice(0, 20)}`;
}
