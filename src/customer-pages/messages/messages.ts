import type { Product } from '../../config/products.ts';

/** Errors with texts of their own for customers; others show the text of their problem, in English. */
type CustomerErrorCode =
  | 'access_denied'
  | 'app_unavailable'
  | 'session_expired'
  | 'state_mismatch'
  | 'code_rejected'
  | 'meta_configuration'
  | 'meta_unavailable'
  | 'wrong_account';

/** Refinements of an error. */
export const NOTICES = ['account_locked', 'business_unknown'] as const;
export type Notice = (typeof NOTICES)[number];

/** What may be missing although a connection was made. */
export type Shortcoming =
  | 'nothing_found'
  | 'no_whatsapp_account'
  | 'permission_missing'
  | 'phone_number_missing'
  | 'phone_number_unverified'
  | 'other';

export interface ErrorText {
  title: string;
  remedy: string;
}

/** How the pages name a product, for people who don't know its API. */
interface ProductText {
  title: string;
  /** Completes "connect …". */
  whatIsConnected: string;
  /** Each completes "you share …". */
  whatIsShared: readonly string[];
}

/**
 * All that customers' pages say in one language. `{…}` are placeholders: a test compares them with English. No message
 * is HTML.
 */
export interface Messages {
  confirm: {
    heading: string;
    headingWithoutName: string;
    request: string;
    requestWithoutName: string;
    caution: string;
    continue: string;
    unexpected: string;
  };
  products: Readonly<Record<Product, ProductText>>;
  /** Also used by the page's script. */
  signup: {
    title: string;
    welcome: string;
    start: string;
    useFullPage: string;
    continueOnFullPage: string;
    leave: string;
    withoutScript: string;
    moment: string;
    inWindow: string;
    left: string;
    lost: string;
    quiet: string;
    blocked: string;
    offline: string;
    failed: string;
    metaProblem: string;
    metaCode: string;
    metaSession: string;
    tryAgain: string;
    startAgain: string;
    sendAgain: string;
    loadAgain: string;
  };
  connected: {
    title: string;
    summary: string;
    summaryFor: string;
    account: string;
    assets: Readonly<
      Record<'page' | 'instagram_account' | 'whatsapp_business_account' | 'phone_number' | 'ad_account', string>
    >;
    more: string;
    incomplete: string;
    shortcomings: Readonly<Record<Shortcoming, string>>;
    registration: string;
    registrationMore: string;
    forDevelopers: string;
    documentation: string;
    complete: string;
    close: string;
    closeAndReturn: string;
  };
  errors: Readonly<Record<CustomerErrorCode | Notice | 'other', ErrorText>>;
  problem: {
    startAgain: string;
    support: string;
  };
  deletion: {
    title: string;
    unknown: string;
    unknownRemedy: string;
    inProgress: string;
    inProgressRemedy: string;
    completed: string;
    completedDetails: string;
    connectedAgain: string;
    requested: string;
  };
}
