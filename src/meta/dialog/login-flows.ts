import { FLOWS, type Flow, type TokenKind } from '../../config/products.ts';
import type { GraphHostName, TokenHostName } from '../graph/graph-host.ts';

/** Describes one way to authorize a connection. To add one, add an entry to the table below. */
interface FlowDescriptor {
  readonly flow: Flow;
  /** Host that exchanges its codes; null for import, which has no code. */
  readonly codeHost: GraphHostName | null;
  /** Host of its dialog; null if no user is asked. */
  readonly dialog: TokenHostName | null;
  /** Host of its tokens; null: that of the product's main flow. */
  readonly tokenHost: TokenHostName | null;
  /** Possible kinds of the root credential, most likely first; null: the product decides (`importedKinds`). */
  readonly tokenKinds: readonly TokenKind[] | null;
  /** Kind of its tokens without a login configuration; null if there is more than one. */
  readonly unconfiguredKind: TokenKind | null;
  /** Whether a Facebook Login for Business configuration, if set, decides scopes and token kind. */
  readonly takesLoginConfiguration: boolean;
  /** Whether the login requires such a configuration. */
  readonly requiresLoginConfiguration: boolean;
  /** Whether a front end can run it with Meta's JS SDK. */
  readonly hasJsSdk: boolean;
  /** Whether a session may choose features of Embedded Signup. */
  readonly takesSignupFeatures: boolean;
  /** Whether only the JS SDK, on our own page, can open the dialog. */
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
  // v4 takes scopes from the login configuration. As a full page it is facebook.com's dialog.
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

/** Returns the descriptor of a flow. Throws for an unknown one, such as a flow stored by another release. */
export function loginFlow(flow: Flow): FlowDescriptor {
  if (Object.hasOwn(DESCRIPTORS, flow)) return DESCRIPTORS[flow];
  throw new Error(`Unknown flow ${JSON.stringify(flow)}: this release knows ${FLOWS.join(', ')}.`);
}
