import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { toActor } from '../audit/actor.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../auth/decorators.ts';
import { notAllowed } from '../auth/policy/policy.ts';
import { WaitsForStandby } from '../database/standby/waits-for-standby.ts';
import { metaUnavailable } from '../meta/errors/meta-unavailable.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { ApiPage } from '../platform/openapi/api-page.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { PageRequest } from '../platform/page-request.dto.ts';
import { decodeKeyCursor, type Page, toKeyPage } from '../platform/paging.ts';
import { AppError } from '../platform/problem.ts';
import { SecretString } from '../platform/secret-string.ts';
import { tenantsOfApps } from './app-access.ts';
import { AppDescriptionService } from './app-description.service.ts';
import { appExists, appInEnvironment, appInUse, appNotFound, appRejected } from './app-problems.ts';
import {
  CreateAppRequest,
  META_ID,
  RotateAppSecretRequest,
  toAppChange,
  toNewApp,
  UpdateAppRequest,
} from './app-request.dto.ts';
import { AppResponse, AppWithMetaResponse, CreatedAppResponse } from './app-response.dto.ts';
import type { AppRow } from './app-row.ts';
import { type AppEdit, AppsService } from './apps.service.ts';

const ApiAppId = (): MethodDecorator =>
  ApiParam({ name: 'app_id', description: "Meta's id of the app", example: '1029384756102938' });

/**
 * Meta apps of this installation: the environment's, and those of brands and customers. Admins see all of them; other
 * clients see those that serve only their tenants.
 */
@ApiTags('apps')
@Roles('admin', 'tenant_admin')
@Controller('v1/apps')
export class AppsController {
  constructor(
    private readonly service: AppsService,
    private readonly descriptions: AppDescriptionService,
    private readonly apps: MetaApps,
  ) {}

  @Post()
  @ApiOperation({
    operationId: 'createApp',
    summary: 'Add a Meta app',
    description:
      'Meta is asked first whether id and secret belong together. Secrets are sealed and never shown. ' +
      'The verify token for its webhooks is shown once, in this answer.',
  })
  @ApiCreatedResponse({ type: CreatedAppResponse, description: 'The app, with its verify token' })
  @ApiProblems(notAllowed, appRejected, appExists, metaUnavailable)
  async create(
    @Body() request: CreateAppRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CreatedAppResponse> {
    const by = toChange(client, requestId);
    const { app, verifyToken } = await this.service.create(toNewApp(request), by);
    const described = await this.describe(app, by.tenants);
    reply.header('location', `/v1/apps/${app.app_id}`).header('cache-control', 'no-store');
    return { ...described, webhooks: { ...described.webhooks, verify_token: verifyToken.expose() } };
  }

  @Get()
  @Roles('admin', 'auditor', 'tenant_admin')
  @ApiOperation({
    operationId: 'listApps',
    summary: 'List Meta apps',
    description:
      "The environment's app first, then the others by id. Apart from admins, clients bound to tenants see only the apps that " +
      'serve no other tenant. Never shows a secret.',
  })
  @ApiPage(AppResponse, 'A page of apps')
  async list(
    @Query() { limit, cursor }: PageRequest,
    @CurrentClient() client: AuthenticatedClient,
  ): Promise<Page<AppResponse>> {
    const tenants = tenantsOfApps(client);
    const after = decodeKeyCursor(cursor);
    const rows = await this.service.list(after?.[0] === 'api' ? after[1] : '', limit + 1, tenants);
    const first = after === null && tenants === null ? [await this.descriptions.describePrimary()] : [];
    const described = [...first, ...(await this.descriptions.describe(rows, tenants))];
    return toKeyPage(
      described,
      limit,
      ({ source, app_id: id }) => [source, id],
      (app) => app,
    );
  }

  @Get(':app_id')
  @Roles('admin', 'auditor', 'tenant_admin')
  @ApiAppId()
  @ApiOperation({
    operationId: 'getApp',
    summary: 'Get a Meta app',
    description: 'Also asks Meta whether id and secret belong together, and which webhooks it has for the app.',
  })
  @ApiOkResponse({ type: AppWithMetaResponse, description: 'The app, and what Meta says of it' })
  @ApiProblems(appNotFound)
  async get(@Param('app_id') id: string, @CurrentClient() client: AuthenticatedClient): Promise<AppWithMetaResponse> {
    const tenants = tenantsOfApps(client);
    const isPrimary = id === this.apps.primary.id && tenants === null;
    const described = isPrimary
      ? await this.descriptions.describePrimary()
      : await this.describe(await this.service.get(toAppId(id), tenants), tenants);
    const app = await this.apps.findOwn(id);
    if (app === null) throw new AppError(appNotFound);
    return { ...described, meta: await this.descriptions.ask(app) };
  }

  @Patch(':app_id')
  @ApiAppId()
  @ApiOperation({
    operationId: 'updateApp',
    summary: 'Change a Meta app',
    description:
      'Fields that are absent stay as they are. Takes effect with the next call, on every replica. Changing its tenants ' +
      'moves no connection.',
  })
  @ApiOkResponse({ type: AppResponse, description: 'The app afterwards' })
  @ApiProblems(appNotFound, notAllowed, appInEnvironment, appExists, appInUse, appRejected, metaUnavailable)
  async change(
    @Param('app_id') id: string,
    @Body() request: UpdateAppRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<AppResponse> {
    const by = toChange(client, requestId);
    return this.describe(await this.service.change(toAppId(id), toAppChange(request), by), by.tenants);
  }

  @Post(':app_id/secret')
  @HttpCode(200)
  @WaitsForStandby({ isEnding: false })
  @ApiAppId()
  @ApiOperation({
    operationId: 'rotateAppSecret',
    summary: 'Replace the secret of a Meta app',
    description:
      'Meta is asked about the new one first; then it is used from the next call on, on every replica. Signatures ' +
      'made with the old one are accepted for `grace_seconds`.',
  })
  @ApiOkResponse({ type: AppResponse, description: 'The app, with its new secret in use' })
  @ApiProblems(appNotFound, notAllowed, appInEnvironment, appRejected, metaUnavailable)
  async rotateSecret(
    @Param('app_id') id: string,
    @Body() { app_secret: secret, grace_seconds: grace }: RotateAppSecretRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<AppResponse> {
    const by = toChange(client, requestId);
    const app = await this.service.rotateSecret(toAppId(id), new SecretString(secret), grace, by);
    return this.describe(app, by.tenants);
  }

  @Delete(':app_id')
  @HttpCode(204)
  // An app may be added again, so its deletion must not be repeated later.
  @WaitsForStandby({ isEnding: false })
  @ApiAppId()
  @ApiOperation({
    operationId: 'deleteApp',
    summary: 'Delete a Meta app',
    description: 'With its secrets, also the second time. Refused while connections that are not revoked still use it.',
  })
  @ApiNoContentResponse({ description: 'The app is deleted' })
  @ApiProblems(appNotFound, notAllowed, appInEnvironment, appInUse)
  async delete(
    @Param('app_id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.service.delete(toAppId(id), toChange(client, requestId));
  }

  private async describe(row: AppRow, tenants: readonly string[] | null): Promise<AppResponse> {
    const [described] = await this.descriptions.describe([row], tenants);
    if (described === undefined) throw new Error('an app was not described');
    return described;
  }
}

/** Who changes an app, and whose apps they may change. */
function toChange(client: AuthenticatedClient, requestId: string): AppEdit {
  return { actor: toActor(client), requestId, tenants: tenantsOfApps(client) };
}

/** Throws 404 `app_not_found` if the text can't be an id of Meta's. */
function toAppId(id: string): string {
  if (!META_ID.test(id)) throw new AppError(appNotFound);
  return id;
}
