import type { Command } from 'commander';
import { AppDescriptionService } from '../apps/app-description.service.ts';
import {
  CreateAppRequest,
  RotateAppSecretRequest,
  toAppChange,
  toNewApp,
  UpdateAppRequest,
} from '../apps/app-request.dto.ts';
import type { AppResponse } from '../apps/app-response.dto.ts';
import { AppsService } from '../apps/apps.service.ts';
import { SecretString } from '../platform/secret-string.ts';
import { withValidatedRequest } from './clients/client-options.ts';
import {
  type CommandContext,
  formatTable,
  loadCommandConfig,
  printResult,
  withApplicationContext,
} from './command-context.ts';
import { UsageError } from './command-error.ts';
import { addExamples } from './command-examples.ts';
import { OPERATOR } from './operator.ts';
import { readText } from './terminal/read-text.ts';

const PAGE_SIZE = 200;
const ALL_TENANTS = null;
const BY_OPERATOR = { actor: OPERATOR, requestId: null, tenants: ALL_TENANTS };

interface AppServices {
  store: AppsService;
  descriptions: AppDescriptionService;
}

interface AppOptions {
  name?: string;
  tenants?: string[];
  secretFile?: string;
  instagramAppId?: string;
  instagramSecretFile?: string;
  threadsAppId?: string;
  threadsSecretFile?: string;
  loginConfig?: string[];
  graphApiVersion?: string;
}

type RunWithServices = (work: (services: AppServices) => Promise<void>) => Promise<void>;

/** `metavault apps`: manages Meta apps other than the environment's. Secrets come from files, never from arguments. */
export function addAppsCommand(program: Command, context: CommandContext): void {
  const apps = program.command('apps').description('list, add, change and delete Meta apps, and rotate their secrets');
  const run: RunWithServices = (work) =>
    withApplicationContext(context, loadCommandConfig(context.environment), (app) =>
      work({ store: app.get(AppsService), descriptions: app.get(AppDescriptionService) }),
    );
  addExamples(
    apps
      .command('list')
      .description("list all Meta apps, the environment's first")
      .action(() => run((services) => list(services, context))),
    ['metavault apps list', 'show which app serves which tenants'],
  );
  addAddAndUpdate(apps, run, context);
  addExamples(
    apps
      .command('rotate-secret <app-id>')
      .description('replace the secret of an app; Meta is asked about the new one first')
      .requiredOption('--secret-file <file>', 'file with the new secret; - for standard input')
      .option('--grace-seconds <number>', 'how long signatures made with the old secret are accepted', '86400')
      .action((id: string, options: { secretFile: string; graceSeconds: string }) =>
        run((services) => rotate(services, id, options, context)),
      ),
    ['metavault apps rotate-secret 1029384756102938 --secret-file secret.txt', 'replace a secret without a pause'],
    [
      'metavault apps rotate-secret 1029384756102938 --secret-file - --grace-seconds 0',
      'replace a leaked secret, read from standard input, at once',
    ],
  );
  addExamples(
    apps
      .command('delete <app-id>')
      .description('delete an app that no connection uses, with its secrets')
      .action((id: string) => run((services) => remove(services, id, context))),
    ['metavault apps delete 1029384756102938', 'delete an app whose connections are revoked'],
  );
}

function addAddAndUpdate(apps: Command, run: RunWithServices, context: CommandContext): void {
  addExamples(
    withSettings(apps.command('add <app-id>').description('add an app, and print its verify token, only this once'))
      .requiredOption('--secret-file <file>', 'file with the app secret; - for standard input')
      .requiredOption('--name <name>', 'a name for people')
      .requiredOption('--tenants <tenants...>', "tenants it serves; '*' for all")
      .action((id: string, options: AppOptions) => run((services) => add(services, id, options, context))),
    [
      'metavault apps add 1029384756102938 --name Acme --tenants acme --secret-file secret.txt',
      'add the app that a customer brings',
    ],
  );
  addExamples(
    withSettings(
      apps
        .command('update <app-id>')
        .description('change an app from the next call on; options that are not given stay as they are'),
    )
      .option('--name <name>', 'a name for people')
      .option('--tenants <tenants...>', "tenants it serves; '*' for all")
      .action((id: string, options: AppOptions) => run((services) => update(services, id, options, context))),
    ['metavault apps update 1029384756102938 --tenants acme globex', 'let an app serve two tenants'],
  );
}

function withSettings(command: Command): Command {
  return command
    .option('--instagram-app-id <id>', 'its Instagram app')
    .option('--instagram-secret-file <file>', 'file with the secret of the Instagram app')
    .option('--threads-app-id <id>', 'its Threads app')
    .option('--threads-secret-file <file>', 'file with the secret of the Threads app')
    .option('--login-config <configs...>', 'Facebook Login for Business configurations: whatsapp=1384729102938475')
    .option('--graph-api-version <version>', "the version of Meta's API to call with");
}

async function list({ store, descriptions }: AppServices, context: CommandContext): Promise<void> {
  const apps: AppResponse[] = [await descriptions.describePrimary()];
  for (let after = ''; ; ) {
    const rows = await store.list(after, PAGE_SIZE, ALL_TENANTS);
    apps.push(...(await descriptions.describe(rows, ALL_TENANTS)));
    if (rows.length < PAGE_SIZE) break;
    after = rows.at(-1)?.app_id ?? after;
  }
  printResult(context, { data: apps }, () =>
    formatTable([
      ['ID', 'NAME', 'SOURCE', 'TENANTS', 'CONNECTIONS'],
      ...apps.map((app) => [app.app_id, app.name, app.source, app.tenants.join(' '), String(app.connections)]),
    ]),
  );
}

/** Applies the rules of `POST /v1/apps`. */
async function add(
  { store, descriptions }: AppServices,
  id: string,
  options: AppOptions,
  context: CommandContext,
): Promise<void> {
  const body = { app_id: id, app_secret: readSecret(options.secretFile ?? '-'), ...toBody(options) };
  const { app, verifyToken } = await withValidatedRequest(CreateAppRequest, body, (request) =>
    store.create(toNewApp(request), BY_OPERATOR),
  );
  const [described] = await descriptions.describe([app], ALL_TENANTS);
  const { callback_url: url = '' } = described?.webhooks ?? {};
  const document = { ...described, webhooks: { callback_url: url, verify_token: verifyToken.expose() } };
  printResult(context, document, () =>
    [`${id} is added`, `Callback URL: ${url}`, `Verify token: ${verifyToken.expose()}`].join('\n'),
  );
}

/** Applies the rules of `PATCH /v1/apps/{app_id}`. */
async function update(
  { store, descriptions }: AppServices,
  id: string,
  options: AppOptions,
  context: CommandContext,
): Promise<void> {
  const body = toBody(options);
  if (Object.keys(body).length === 0) throw new UsageError('Nothing to change.', 'Give an option; --help lists them.');
  const app = await withValidatedRequest(UpdateAppRequest, body, (request) =>
    store.change(id, toAppChange(request), BY_OPERATOR),
  );
  const [described] = await descriptions.describe([app], ALL_TENANTS);
  printResult(context, { ...described }, () => `${id} is changed`);
}

/** Applies the rules of `POST /v1/apps/{app_id}/secret`. */
async function rotate(
  { store, descriptions }: AppServices,
  id: string,
  { secretFile, graceSeconds }: { secretFile: string; graceSeconds: string },
  context: CommandContext,
): Promise<void> {
  if (!/^\d{1,7}$/.test(graceSeconds)) throw new UsageError('--grace-seconds must be a whole number.');
  const body = { app_secret: readSecret(secretFile), grace_seconds: Number(graceSeconds) };
  const app = await withValidatedRequest(RotateAppSecretRequest, body, (request) =>
    store.rotateSecret(id, new SecretString(request.app_secret), request.grace_seconds, BY_OPERATOR),
  );
  const [described] = await descriptions.describe([app], ALL_TENANTS);
  printResult(context, { ...described }, () => `The new secret of ${id} is in use`);
}

async function remove({ store }: AppServices, id: string, context: CommandContext): Promise<void> {
  // A mistyped id must not look deleted.
  await store.get(id, ALL_TENANTS);
  await store.delete(id, BY_OPERATOR);
  printResult(context, { app_id: id, deleted: true }, () => `${id} is deleted`);
}

/** Returns the body of a request. Throws `UsageError` for an id without a secret, or the other way around. */
function toBody(options: AppOptions): Record<string, unknown> {
  const instagram = toInnerApp('instagram', options.instagramAppId, options.instagramSecretFile);
  const threads = toInnerApp('threads', options.threadsAppId, options.threadsSecretFile);
  const configs = options.loginConfig?.map((text): [string, string] => {
    const [product = '', id = ''] = text.split('=');
    return [product, id];
  });
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.tenants === undefined ? {} : { tenants: options.tenants }),
    ...(instagram === null ? {} : { instagram }),
    ...(threads === null ? {} : { threads }),
    ...(configs === undefined ? {} : { login_config_ids: Object.fromEntries(configs) }),
    ...(options.graphApiVersion === undefined ? {} : { graph_api_version: options.graphApiVersion }),
  };
}

function toInnerApp(name: string, id: string | undefined, file: string | undefined): object | null {
  if (id === undefined && file === undefined) return null;
  if (id === undefined || file === undefined)
    throw new UsageError(`--${name}-app-id and --${name}-secret-file go together.`);
  return { app_id: id, app_secret: readSecret(file) };
}

function readSecret(file: string): string {
  return readText(file).trim();
}
