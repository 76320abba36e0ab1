import { type DialogFlow, type Flow, PRODUCTS, type Product, type TokenKind } from '../../config/products.ts';
import type { TokenHostName } from '../graph/graph-host.ts';

/** A product does not work without its required scopes; optional ones add features. */
export interface ProductScopes {
  required: readonly string[];
  optional: readonly string[];
}

/** Describes a product at Meta. Product-specific work while connecting is in `connect/products/`. */
interface ProductDescriptor {
  readonly product: Product;
  readonly flows: readonly Flow[];
  /** The usual flow: `/meta/config` shows its scopes, and imported tokens count as coming from it. */
  readonly mainFlow: DialogFlow;
  /** By the host of the tokens: each login names its scopes differently. */
  readonly scopes: Readonly<Partial<Record<TokenHostName, ProductScopes>>>;
  /**
   * Whether tokens were seen to reach its assets without any required scope
   * (docs/meta-facts.md#whatsapp-accounts-of-a-token). Then only a token with some of them can be missing the others.
   */
  readonly isReachedWithoutScopes: boolean;
  /** Kinds of tokens that can be imported, most likely first. */
  readonly importedKinds: readonly TokenKind[];
  /** Whether it uses the Marketing API, whose versions end earlier (docs/meta-facts.md#api-versions). */
  readonly usesMarketingApi?: true;
}

const FACEBOOK_KINDS: readonly TokenKind[] = ['system_user', 'user', 'page'];

const DESCRIPTORS: Readonly<Record<Product, ProductDescriptor>> = {
  whatsapp: {
    product: 'whatsapp',
    flows: ['embedded_signup', 'facebook_login', 'import'],
    mainFlow: 'embedded_signup',
    scopes: {
      facebook: {
        required: ['whatsapp_business_management', 'whatsapp_business_messaging'],
        optional: ['business_management'],
      },
    },
    isReachedWithoutScopes: true,
    importedKinds: FACEBOOK_KINDS,
  },
  instagram: {
    product: 'instagram',
    flows: ['facebook_login', 'instagram_login', 'import'],
    mainFlow: 'facebook_login',
    scopes: {
      facebook: {
        required: ['instagram_basic', 'pages_show_list', 'pages_read_engagement'],
        optional: [
          'instagram_manage_insights',
          'instagram_manage_comments',
          'instagram_manage_messages',
          'instagram_content_publish',
          'business_management',
        ],
      },
      // The former `business_*` names ended on 2025-01-27.
      instagram: {
        required: ['instagram_business_basic'],
        optional: [
          'instagram_business_content_publish',
          'instagram_business_manage_messages',
          'instagram_business_manage_comments',
          'instagram_business_manage_insights',
        ],
      },
    },
    isReachedWithoutScopes: false,
    importedKinds: [...FACEBOOK_KINDS, 'instagram_user'],
  },
  ads: {
    product: 'ads',
    flows: ['facebook_login', 'import'],
    mainFlow: 'facebook_login',
    scopes: { facebook: { required: ['ads_management', 'ads_read'], optional: ['business_management'] } },
    isReachedWithoutScopes: false,
    importedKinds: FACEBOOK_KINDS,
    usesMarketingApi: true,
  },
  pages: {
    product: 'pages',
    flows: ['facebook_login', 'import'],
    mainFlow: 'facebook_login',
    scopes: {
      facebook: {
        required: ['pages_show_list', 'pages_read_engagement'],
        optional: [
          'pages_manage_posts',
          'pages_manage_engagement',
          'pages_manage_metadata',
          'pages_read_user_content',
          'pages_messaging',
          'read_insights',
          'business_management',
        ],
      },
    },
    isReachedWithoutScopes: false,
    importedKinds: FACEBOOK_KINDS,
  },
  threads: {
    product: 'threads',
    flows: ['threads_login', 'import'],
    mainFlow: 'threads_login',
    scopes: {
      threads: {
        required: ['threads_basic'],
        optional: [
          'threads_content_publish',
          'threads_manage_insights',
          'threads_manage_replies',
          'threads_read_replies',
        ],
      },
    },
    isReachedWithoutScopes: false,
    importedKinds: ['threads_user'],
  },
};

/** The product that Embedded Signup connects. */
export const EMBEDDED_SIGNUP_PRODUCT: Product = 'whatsapp';

/** Returns the descriptor of a product. Throws for an unknown one, such as a product stored by another release. */
export function productDescriptor(product: Product): ProductDescriptor {
  if (Object.hasOwn(DESCRIPTORS, product)) return DESCRIPTORS[product];
  throw new Error(`Unknown product ${JSON.stringify(product)}: this release knows ${PRODUCTS.join(', ')}.`);
}
