import { type DialogFlow, type Flow, PRODUCTS, type Product, type TokenKind } from '../../config/products.ts';
import type { TokenHostName } from '../graph/graph-host.ts';

/** Without a required scope the product does not work; an optional one adds to it. */
export interface ProductScopes {
  required: readonly string[];
  optional: readonly string[];
}

/** What is special about a product at Meta. What connecting does for it is in `connect/products/`. */
interface ProductDescriptor {
  readonly product: Product;
  readonly flows: readonly Flow[];
  /** The usual flow, whose scopes `/meta/config` shows. Tokens that are imported count as coming from its login. */
  readonly mainFlow: DialogFlow;
  /** By the host that the tokens belong to; the scopes of different logins have different names. */
  readonly scopes: Readonly<Partial<Record<TokenHostName, ProductScopes>>>;
  /**
   * Tokens were seen that reach its assets without any of the required scopes (docs/meta-facts.md): only one that has some of them can be
   * said to lack the others.
   */
  readonly isReachedWithoutScopes: boolean;
  /** The kinds of tokens that can be imported, the likeliest first. */
  readonly importedKinds: readonly TokenKind[];
  /** Whether its calls belong to the Marketing API, whose versions end earlier than the Graph API's. */
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
      // The old `business_*` names ended on 27 Jan 2025.
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

/** What is special about this product. Throws for one that is not in the table, such as one that another release stored. */
export function productDescriptor(product: Product): ProductDescriptor {
  if (Object.hasOwn(DESCRIPTORS, product)) return DESCRIPTORS[product];
  throw new Error(`${JSON.stringify(product)} is no product that this release knows (${PRODUCTS.join(', ')}).`);
}
