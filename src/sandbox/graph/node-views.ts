import type {
  AdAccount,
  BusinessRecord,
  InstagramAccount,
  PageRecord,
  PageRole,
  PhoneNumber,
  PostRecord,
  Principal,
  ReportRun,
  WabaRecord,
} from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { TokenView } from '../tokens/token-issuer.ts';
import { isInTargets } from './access.ts';
import { type FieldChoice, NodeRef, type NodeView } from './field-selection.ts';
import { isFinished } from './media-container.ts';

/** Formats a time as Graph does: `2026-11-22T10:00:00+0000`. */
function graphTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}+0000`;
}

export function principalView(principal: Principal, view: TokenView | null): NodeView {
  const [first, ...rest] = principal.name.split(' ');
  const fields: Record<string, unknown> = {
    name: principal.name,
    first_name: first,
    last_name: rest.length === 0 ? undefined : rest.join(' '),
    email: view?.scopes.includes('email') === true ? principal.email : undefined,
  };
  if (principal.kind === 'system_user') {
    fields.role = principal.role;
    fields.client_business_id = principal.businessId;
  }
  return {
    type: principal.kind === 'system_user' ? 'SystemUser' : 'User',
    id: principal.id,
    defaults: ['name', 'id'],
    fields,
  };
}

/** A Page. Only users with a task on it see `access_token` (docs/meta-facts.md#page-tokens). */
export function pageView(
  state: SandboxState,
  page: PageRecord,
  view: TokenView | null,
  role: PageRole | undefined,
): NodeView {
  const account = page.instagramId === null ? undefined : state.store.instagramAccounts.get(page.instagramId);
  const link = account === undefined ? undefined : new NodeRef(instagramView(account));
  const mayDerive =
    view !== null &&
    view.claims.kind !== 'page' &&
    role !== undefined &&
    role.tasks.length > 0 &&
    isInTargets(view, 'pages_show_list', page.id);
  return {
    type: 'Page',
    id: page.id,
    defaults: ['name', 'id'],
    fields: {
      access_token: () =>
        mayDerive ? state.tokens.mintPage(view, role) : view?.claims.kind === 'page' ? view.token : undefined,
      category: page.category,
      category_list: page.categoryList,
      name: page.name,
      tasks: role?.tasks,
      instagram_business_account: link,
      connected_instagram_account: link,
      link: `https://www.facebook.com/${page.id}`,
      fan_count: 0,
      username: undefined,
    },
  };
}

/** Default fields of `/me/accounts` in the recorded order. */
export const accountDefaults: FieldChoice[] = ['access_token', 'category', 'category_list', 'name', 'id', 'tasks'].map(
  (name) => ({ name, args: {}, fields: null }),
);

export function instagramView(account: InstagramAccount): NodeView {
  return {
    type: 'IGUser',
    id: account.id,
    defaults: ['id'],
    fields: {
      username: account.username,
      name: account.name,
      ig_id: account.id,
      followers_count: 0,
      follows_count: 0,
      media_count: 0,
      profile_picture_url: undefined,
      biography: undefined,
    },
  };
}

export function businessView(business: BusinessRecord): NodeView {
  return {
    type: 'Business',
    id: business.id,
    defaults: ['id', 'name'],
    fields: { name: business.name, verification_status: 'verified', created_time: undefined },
  };
}

export function wabaView(state: SandboxState, waba: WabaRecord): NodeView {
  const business = state.store.businesses.get(waba.businessId);
  return {
    type: 'WhatsAppBusinessAccount',
    id: waba.id,
    defaults: ['id', 'name', 'currency', 'timezone_id', 'message_template_namespace'],
    fields: {
      name: waba.name,
      currency: waba.currency,
      timezone_id: '1',
      message_template_namespace: `sandbox_${waba.id}`,
      account_review_status: 'APPROVED',
      owner_business_info: business === undefined ? undefined : { name: business.name, id: business.id },
    },
  };
}

/** Field names and order as in whatsapp_phone_number_responses.json. */
export function phoneView(phone: PhoneNumber): NodeView {
  return {
    type: 'WhatsAppBusinessPhoneNumber',
    id: phone.id,
    defaults: [
      'verified_name',
      'code_verification_status',
      'display_phone_number',
      'quality_rating',
      'platform_type',
      'throughput',
      'id',
    ],
    fields: {
      verified_name: phone.verifiedName,
      code_verification_status: phone.verification ?? 'VERIFIED',
      display_phone_number: phone.displayPhoneNumber,
      quality_rating: phone.qualityRating,
      platform_type: phone.platformType ?? 'CLOUD_API',
      is_on_biz_app: phone.isOnBizApp === true,
      throughput: { level: 'STANDARD' },
      status: phone.registered ? 'CONNECTED' : phone.verification === 'NOT_VERIFIED' ? 'UNVERIFIED' : 'PENDING',
      name_status: 'APPROVED',
      account_mode: 'LIVE',
      is_pin_enabled: phone.pin !== null,
      messaging_limit_tier: 'TIER_1K',
    },
  };
}

export function adAccountView(state: SandboxState, account: AdAccount): NodeView {
  const business = account.businessId === null ? undefined : state.store.businesses.get(account.businessId);
  return {
    type: 'AdAccount',
    id: account.id,
    defaults: ['account_id', 'id'],
    fields: {
      account_id: account.accountId,
      name: account.name,
      currency: account.currency,
      account_status: account.status,
      timezone_name: 'Europe/Berlin',
      business: business === undefined ? undefined : { id: business.id, name: business.name },
    },
  };
}

/** A report is done after it has been read once. */
export function isReportDone(run: ReportRun): boolean {
  return run.looks > 1;
}

export function reportView(run: ReportRun): NodeView {
  const done = isReportDone(run);
  return {
    type: 'AdReportRun',
    id: run.id,
    defaults: ['id', 'account_id', 'async_status', 'async_percent_completion'],
    fields: {
      account_id: run.accountId.slice('act_'.length),
      async_status: done ? 'Job Completed' : 'Job Running',
      async_percent_completion: done ? 100 : 50,
    },
  };
}

export function postView(post: PostRecord): NodeView {
  return {
    type: 'Post',
    id: post.id,
    defaults: ['created_time', 'message', 'id'],
    fields: {
      created_time: graphTime(post.createdAt),
      message: post.message,
      permalink_url: `https://www.facebook.com/${post.id}`,
      caption: post.message,
      media_type: 'IMAGE',
      timestamp: graphTime(post.createdAt),
      status_code: isFinished(post) ? 'FINISHED' : 'IN_PROGRESS',
      // Threads calls it `status`.
      status: isFinished(post) ? 'FINISHED' : 'IN_PROGRESS',
    },
  };
}
