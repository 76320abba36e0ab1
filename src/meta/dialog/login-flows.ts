import { FLOWS, type Flow, type TokenKind } from '../../config/products.ts';
import type { GraphHostName, TokenHostName } from '../graph/graph-host.ts';

/** What is special about a way to authorize a connection. A new one is one entry in the table below. */
interface FlowDescriptor {
  readonly flow: Flow;
  /** Where its codes are exchanged; null for the flow without a code. */
  readonly codeHost: GraphHostName | null;
  /** Which dialog of Meta's it goes through; null: no user is asked. */
  readonly dialog: TokenHostName | null;
  /** Whose tokens it gives; null: those of the product's main flow. */
  readonly tokenHost: TokenHostName | null;
  /** The kinds that the root credential can have, the likeliest first; null: the product says (`importedKinds`). */
  readonly tokenKinds: readonly TokenKind[] | null;
  /** The kind of its tokens where no configuration decides and there is only one. */
  readonly unconfiguredKind: TokenKind | null;
  /** Whether a Facebook Login for Business configuration, where there is one, decides scopes and kind of token. */
  readonly takesLoginConfiguration: boolean;
  /** Whether there is no login without such a configuration. */
  readonly requiresLoginConfiguration: boolean;
  /** Whether Meta's JS SDK can run it in a front end. */
  readonly hasJsSdk: boolean;
  /** Whether a session may choose features of Embedded Signup. */
  readonly takesSignupFeatures: boolean;
  /** Whether the dialog can only be opened by the JS SDK, on a page of ours. */
  readonly isOpenedBySdk: boolean;
}

const DESCRIPTORS: Readonly<Record<Flow, FlowDescriptor>> = {
  // A Facebook Login for Business configuration can give a system-user token.
  facebook_login: {
    flow: 'facebook_login',
    codeHost: 'facebook',
    dialog: 'facebook',
    tokenHost: 'facebook',
    tokenKinds: ['user', 'system_user'],
    unconfiguredKind: 'user',
    takesLoginConfiguration: true,
    requiresLoginConfiguration: false,
    hasJsSdk: true,
    takesSignupFeatures: false,
    isOpenedBySdk: false,
  },
  instagram_login: {
    flow: 'instagram_login',
    codeHost: 'instagram_api',
    dialog: 'instagram',
    tokenHost: 'instagram',
    tokenKinds: ['instagram_user'],
    unconfiguredKind: 'instagram_user',
    takesLoginConfiguration: false,
    requiresLoginConfiguration: false,
    hasJsSdk: false,
    takesSignupFeatures: false,
    isOpenedBySdk: false,
  },
  threads_login: {
    flow: 'threads_login',
    codeHost: 'threads',
    dialog: 'threads',
    tokenHost: 'threads',
    tokenKinds: ['threads_user'],
    unconfiguredKind: 'threads_user',
    takesLoginConfiguration: false,
    requiresLoginConfiguration: false,
    hasJsSdk: false,
    takesSignupFeatures: false,
    isOpenedBySdk: false,
  },
  // Version 4 has no scopes of its own: the configuration says them. Opened by its address, it is facebook.com's dialog.
  embedded_signup: {
    flow: 'embedded_signup',
    codeHost: 'facebook',
    dialog: 'facebook',
    tokenHost: 'facebook',
    tokenKinds: ['system_user', 'user'],
    unconfiguredKind: null,
    takesLoginConfiguration: true,
    requiresLoginConfiguration: true,
    hasJsSdk: true,
    takesSignupFeatures: true,
    isOpenedBySdk: true,
  },
  import: {
    flow: 'import',
    codeHost: null,
    dialog: null,
    tokenHost: null,
    tokenKinds: null,
    unconfiguredKind: null,
    takesLoginConfiguration: false,
    requiresLoginConfiguration: false,
    hasJsSdk: false,
    takesSignupFeatures: false,
    isOpenedBySdk: false,
  },
};

/** What is special about this flow. Throws for one that is not in the table, such as one that another release stored. */
export function loginFlow(flow: Flow): FlowDescriptor {
  if (Object.hasOwn(DESCRIPTORS, flow)) return DESCRIPTORS[flow];
  throw new Error(`${JSON.stringify(flow)} is no flow that this release knows (${FLOWS.join(', ')}).`);
}
