import { applyDecorators } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiFoundResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  type ApiOperationOptions,
  ApiParam,
  ApiQuery,
  ApiSeeOtherResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { NOTICES } from '../../customer-pages/messages/messages.ts';
import { ApiErrorPages } from '../../platform/openapi/api-error-pages.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { HTML } from '../../platform/openapi/media-types.ts';
import { CONNECT_PROBLEMS, loginNotConfigured } from '../connect-problems.ts';
import { ConnectedResponse, SignupResponse } from './signup.dto.ts';

type Operation = Required<Pick<ApiOperationOptions, 'operationId' | 'summary' | 'description'>>;

const LOCATION = {
  description: 'Where to go next',
  required: true,
  schema: { type: 'string', format: 'uri' },
  example: 'https://www.facebook.com/v26.0/dialog/oauth?client_id=1029384756102938&state=q5Jd8sVYzQ0m3nWb',
} as const;
const SET_COOKIE = { description: 'Proves this browser at the callback', schema: { type: 'string' } } as const;
const END = {
  ...LOCATION,
  example: 'https://app.example.com/settings/meta?status=connected&connection_id=con_01k7gm2v9s8x4d0c6b5a3n1f2e',
};

const ToDialog = ApiFoundResponse({
  description: "Redirects to Meta's dialog, or to the page before it",
  headers: { Location: LOCATION, 'Set-Cookie': SET_COOKIE },
});
const ToEnd = ApiSeeOtherResponse({
  description:
    'Redirects to the last page, whose address has no code or state: for sessions without a `return_url`, and for pop-ups',
  headers: {
    Location: {
      ...LOCATION,
      example: 'https://metavault.example/connect/cns_01k7gm2v9s8x4d0c6b5a3n1f2e/done?attempt=9f86d081884c7d65',
    },
  },
});
const ToReturnUrl = ApiFoundResponse({
  description: 'Redirects to `return_url` of the session, with `status` and `connection_id` or `error` added',
  headers: { Location: END },
});

/** Without a `return_url`: a page for people, or JSON if `Accept` asks for it. */
const Connected = applyDecorators(
  ApiExtraModels(ConnectedResponse),
  ApiOkResponse({
    description: 'Connected. A page, or JSON if `Accept` asks for it.',
    content: { ...HTML, 'application/json': { schema: { $ref: getSchemaPath(ConnectedResponse) } } },
  }),
);

/** The names of a browser's tabs are public; the cookie proves them. */
const OfAttempt = ApiQuery({
  name: 'attempt',
  required: false,
  schema: { type: 'string', pattern: '^[0-9a-f]{16}$' },
  description: 'The tab, as the page names it; absent: the newest of this browser',
  example: '9f86d081884c7d65',
});

/** Describes a route of a connect link that a browser opens: errors are also pages. */
function ApiLinkPage(operation: Operation, ...answers: MethodDecorator[]): MethodDecorator {
  return applyDecorators(ApiLink(operation), ApiErrorPages(), ...answers);
}

function ApiLink(operation: Operation): MethodDecorator {
  const token = {
    name: 'token',
    description: 'The secret of the link, as in `connect_url`',
    example: 'q5Jd8sVYzQ0m3nWbXkT1rE7uLcPa4hFg2oIyN6tZxKw',
  };
  return applyDecorators(ApiOperation(operation), ApiParam(token));
}

/** A link that `@metavault/connect` opens in a pop-up. */
const Display = ApiQuery({
  name: 'display',
  required: false,
  enum: ['popup'],
  description: 'The window was opened by `@metavault/connect`, and its last page tells the page that opened it',
});

const { session_expired: expired, state_mismatch: mismatch } = CONNECT_PROBLEMS;

export const ApiOpenLink = (): MethodDecorator =>
  ApiLinkPage(
    {
      operationId: 'openConnectLink',
      summary: 'Open a connect link',
      description:
        "Redirects to Meta's dialog, or shows the page that comes before it: the confirmation, if the session asks for one, " +
        'or Embedded Signup. Can be opened any number of times; each browser gets its own state and cookie.',
    },
    Display,
    ApiOkResponse({ description: 'The confirmation, or the page of Embedded Signup', content: HTML }),
    ToDialog,
    ApiProblems(expired, loginNotConfigured),
  );

export const ApiConfirmLink = (): MethodDecorator =>
  ApiLinkPage(
    {
      operationId: 'confirmConnectLink',
      summary: 'Continue from the confirmation page',
      description: 'Target of its form, which is empty. `Origin` must be that of this service.',
    },
    Display,
    ApiConsumes('application/x-www-form-urlencoded'),
    ApiBody({ required: false, schema: { type: 'object', properties: {} } }),
    ApiSeeOtherResponse({
      description: "Redirects to Meta's dialog, or to the page of Embedded Signup",
      headers: { Location: LOCATION, 'Set-Cookie': SET_COOKIE },
    }),
    ApiProblems(expired, mismatch, loginNotConfigured),
  );

export const ApiOpenSignup = (): MethodDecorator =>
  ApiLinkPage(
    {
      operationId: 'openEmbeddedSignup',
      summary: 'Open the page of Embedded Signup',
      description: 'For browsers that passed the page before it. Other flows have no such page.',
    },
    Display,
    ApiOkResponse({ description: 'The page of Embedded Signup', content: HTML }),
    ApiFoundResponse({ description: 'Redirects to the page before it', headers: { Location: LOCATION } }),
    ApiProblems(expired, loginNotConfigured),
  );

export const ApiOpenDialog = (): MethodDecorator =>
  ApiLinkPage(
    {
      operationId: 'openMetaDialog',
      summary: "Open Meta's dialog as a full page",
      description: "For every flow; the page of Embedded Signup offers it where Meta's SDK is blocked.",
    },
    Display,
    ApiOkResponse({ description: 'To HEAD, without a body: the link may be opened', content: HTML }),
    ToDialog,
    ApiProblems(expired, loginNotConfigured),
  );

export const ApiReceiveCallback = (): MethodDecorator =>
  applyDecorators(
    ApiOperation({
      operationId: 'receiveMetaCallback',
      summary: "Return from Meta's dialog",
      description:
        'The redirect URI of the app at Meta. Exchanges the code once: a callback that is delivered twice ends like the ' +
        'first. The state and the cookie must be those of this browser.',
    }),
    ApiQuery({ name: 'state', required: false, schema: { type: 'string' }, description: 'As sent to the dialog' }),
    ApiQuery({ name: 'code', required: false, schema: { type: 'string' }, description: 'The authorization code' }),
    ApiQuery({ name: 'error', required: false, schema: { type: 'string' }, description: 'Why there is no code' }),
    Connected,
    ToEnd,
    ToReturnUrl,
    ApiErrorPages(),
    ApiProblems(...Object.values(CONNECT_PROBLEMS).filter(({ code }) => code !== 'token_rejected'), loginNotConfigured),
  );

export const ApiShowEnd = (): MethodDecorator =>
  ApiLinkPage(
    {
      operationId: 'showConnectEnd',
      summary: 'Show how the login of this browser ended',
      description:
        'Where the browser ends if the session has no `return_url`, and in a pop-up. `token` may be the id of the session: ' +
        'the cookie proves the browser.',
    },
    OfAttempt,
    ApiQuery({
      name: 'notice',
      required: false,
      enum: NOTICES,
      description: 'What the page of Embedded Signup has to say about a failure',
    }),
    Connected,
    ToReturnUrl,
    ApiProblems(...Object.values(CONNECT_PROBLEMS).filter(({ code }) => code !== 'token_rejected'), loginNotConfigured),
  );

export const ApiCompleteSignup = (): MethodDecorator =>
  applyDecorators(
    ApiLink({
      operationId: 'completeEmbeddedSignup',
      summary: "Hand over the code of Meta's SDK",
      description: 'Called by the page of Embedded Signup. The cookie proves the browser.',
    }),
    OfAttempt,
    ApiOkResponse({ type: SignupResponse, description: 'Where to go next, connected or not' }),
    ApiProblems(expired, mismatch, loginNotConfigured),
  );

export const ApiReportSignup = (): MethodDecorator =>
  applyDecorators(
    ApiLink({
      operationId: 'reportEmbeddedSignup',
      summary: 'Report the session message of Embedded Signup',
      description: 'Called by the page of Embedded Signup, whether or not a code follows. The last report counts.',
    }),
    OfAttempt,
    ApiNoContentResponse({ description: 'The message is stored' }),
    ApiProblems(expired, mismatch),
  );

export const ApiCancelSignup = (): MethodDecorator =>
  applyDecorators(
    ApiLink({
      operationId: 'cancelEmbeddedSignup',
      summary: 'Report that the user left Embedded Signup',
      description: 'Called by the page of Embedded Signup. The attempt ends as `access_denied`.',
    }),
    OfAttempt,
    ApiOkResponse({ type: SignupResponse, description: 'Where to go next' }),
    ApiProblems(expired, mismatch),
  );
