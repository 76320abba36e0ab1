import type {
  AdAccount,
  AppRecord,
  BusinessRecord,
  CodeRecord,
  InstagramAccount,
  MediaRecord,
  PageRecord,
  PhoneNumber,
  PostRecord,
  Principal,
  ReportRun,
  UploadSession,
  WabaRecord,
} from './records.ts';
import { defaultSettings, defaultUsage, type SandboxSettings, type UsageSettings } from './sandbox-settings.ts';

/** Changes to a single token, on top of its claims. */
export interface TokenChange {
  expiresAt?: number;
  scopes?: string[];
  /** The subcode that killed it; null: a bare 190. */
  death?: number | null;
}

export type DialogAction = 'approve' | 'deny' | 'error_901';

/** How dialogs respond without a user; null shows the page. */
export interface DialogDefault {
  action: DialogAction;
  userId?: string;
  declined?: string[];
  /** The chosen objects: ids by scope. */
  targets?: Record<string, string[]>;
}

const MAX_CODES = 50_000;
const MAX_POSTS = 2_000;
const MAX_MEDIA = 100;
const MAX_UPLOAD_SESSIONS = 1_000;

/** Meta's data by id. Only codes, posts, media and token changes grow with calls; these are bounded or rare. */
export class SandboxStore {
  tokenKey: Buffer = Buffer.alloc(32);
  sequence = 0;
  clockOffsetMs = 0;
  settings: SandboxSettings = { ...defaultSettings };
  usage: UsageSettings = { ...defaultUsage };
  dialog: DialogDefault | null = null;
  readonly apps = new Map<string, AppRecord>();
  readonly principals = new Map<string, Principal>();
  readonly pages = new Map<string, PageRecord>();
  readonly instagramAccounts = new Map<string, InstagramAccount>();
  readonly businesses = new Map<string, BusinessRecord>();
  readonly wabas = new Map<string, WabaRecord>();
  readonly phones = new Map<string, PhoneNumber>();
  readonly adAccounts = new Map<string, AdAccount>();
  readonly posts = new Map<string, PostRecord>();
  readonly media = new Map<string, MediaRecord>();
  readonly reports = new Map<string, ReportRun>();
  readonly uploads = new Map<string, UploadSession>();
  readonly codes = new Map<string, CodeRecord>();
  readonly tokenChanges = new Map<string, TokenChange>();
  /** Called after each change that must survive a restart. */
  onChange: () => void = () => {};

  /** Returns a new numeric id. The leading digits tell people its kind. */
  nextId(leading: string): string {
    this.sequence += 1;
    return leading + String(this.sequence).padStart(16 - leading.length, '0');
  }

  addCode(code: CodeRecord): void {
    this.codes.set(code.code, code);
    trim(this.codes, MAX_CODES);
    this.onChange();
  }

  addPost(post: PostRecord): void {
    this.posts.set(post.id, post);
    trim(this.posts, MAX_POSTS);
  }

  addMedia(media: MediaRecord): void {
    this.media.set(media.id, media);
    trim(this.media, MAX_MEDIA);
  }

  addReport(run: ReportRun): void {
    this.reports.set(run.id, run);
    trim(this.reports, MAX_UPLOAD_SESSIONS);
  }

  addUpload(session: UploadSession): void {
    this.uploads.set(session.id, session);
    trim(this.uploads, MAX_UPLOAD_SESSIONS);
  }

  changeToken(fingerprint: string, change: TokenChange): void {
    this.tokenChanges.set(fingerprint, { ...this.tokenChanges.get(fingerprint), ...change });
    this.onChange();
  }

  phonesOf(wabaId: string): PhoneNumber[] {
    return [...this.phones.values()].filter((phone) => phone.wabaId === wabaId);
  }

  wabasOf(businessId: string): WabaRecord[] {
    return [...this.wabas.values()].filter((waba) => waba.businessId === businessId);
  }

  toJSON(): Record<string, unknown> {
    const maps = Object.fromEntries(storedMaps.map((name) => [name, [...this[name].entries()]]));
    return {
      tokenKey: this.tokenKey.toString('base64'),
      sequence: this.sequence,
      clockOffsetMs: this.clockOffsetMs,
      settings: this.settings,
      usage: this.usage,
      dialog: this.dialog,
      ...maps,
    };
  }

  /** Loads what `toJSON` wrote. Media, uploads and reports are not saved. */
  load(saved: Record<string, unknown>): void {
    this.tokenKey = Buffer.from(String(saved.tokenKey), 'base64');
    this.sequence = Number(saved.sequence);
    this.clockOffsetMs = Number(saved.clockOffsetMs);
    this.settings = { ...defaultSettings, ...(saved.settings as Partial<SandboxSettings>) };
    this.usage = { ...defaultUsage, ...(saved.usage as Partial<UsageSettings>) };
    this.dialog = (saved.dialog as DialogDefault | null) ?? null;
    for (const name of storedMaps) {
      const target = this[name] as Map<string, unknown>;
      target.clear();
      for (const [id, record] of (saved[name] as [string, unknown][] | undefined) ?? []) target.set(id, record);
    }
  }
}

const storedMaps = [
  'apps',
  'principals',
  'pages',
  'instagramAccounts',
  'businesses',
  'wabas',
  'phones',
  'adAccounts',
  'posts',
  'codes',
  'tokenChanges',
] as const;

function trim(map: Map<string, unknown>, maxSize: number): void {
  while (map.size > maxSize) {
    const oldest = map.keys().next();
    if (oldest.done === true) return;
    map.delete(oldest.value);
  }
}
