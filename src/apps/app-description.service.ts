import { Injectable } from '@nestjs/common';
import { Config, PRODUCTS } from '../config/config.ts';
import { missingLoginSettings } from '../meta/dialog/missing-login-settings.ts';
import { productDescriptor } from '../meta/dialog/products.ts';
import { MetaError } from '../meta/errors/meta-error.ts';
import { type MetaApp, MetaApps } from '../meta/meta-apps.ts';
import type { MetaClient } from '../meta/meta-client.ts';
import { MetaClients } from '../meta/meta-clients.ts';
import type { AppMetaResponse, AppResponse, MissingSettingsResponse } from './app-response.dto.ts';
import { type AppRow, idsOf } from './app-row.ts';
import { AppsService } from './apps.service.ts';

/** Describes apps, and what Meta says about them. */
@Injectable()
export class AppDescriptionService {
  constructor(
    private readonly service: AppsService,
    private readonly apps: MetaApps,
    private readonly clients: MetaClients,
    private readonly config: Config,
  ) {}

  /** Describes the environment's app. */
  async describePrimary(): Promise<AppResponse> {
    const { primary } = this.apps;
    const counts = await this.service.countConnections(primary.appIds, null);
    const { app, instagramApp, threadsApp, loginConfigIds, graphApiVersion } = primary.config;
    return {
      app_id: app.id,
      name: 'environment',
      source: 'environment',
      tenants: ['*'],
      instagram: instagramApp === null ? null : { app_id: instagramApp.id },
      threads: threadsApp === null ? null : { app_id: threadsApp.id },
      login_config_ids: { ...loginConfigIds },
      graph_api_version: graphApiVersion,
      webhooks: { callback_url: `${this.config.publicUrl}/webhooks/meta` },
      connections: sum(counts.values()),
      created_at: null,
      updated_at: null,
    };
  }

  /** Describes apps that were created over the API. Counts connections of `tenants`; null means all. */
  async describe(rows: readonly AppRow[], tenants: readonly string[] | null): Promise<AppResponse[]> {
    const ids = rows.flatMap(idsOf);
    const counts = ids.length === 0 ? new Map<string, number>() : await this.service.countConnections(ids, tenants);
    return rows.map((row) => ({
      app_id: row.app_id,
      name: row.name,
      source: 'api',
      tenants: row.tenants,
      instagram: row.instagram_app_id === null ? null : { app_id: row.instagram_app_id },
      threads: row.threads_app_id === null ? null : { app_id: row.threads_app_id },
      login_config_ids: row.login_config_ids,
      graph_api_version: row.graph_api_version ?? this.config.meta.graphApiVersion,
      webhooks: { callback_url: `${this.config.publicUrl}/webhooks/meta/${row.app_id}` },
      connections: sum([...new Set(idsOf(row))].map((id) => counts.get(id) ?? 0)),
      created_at: row.created_at.toISOString(),
      updated_at: row.updated_at.toISOString(),
    }));
  }

  /** Asks Meta about an app. Never throws Meta's errors. */
  async ask(app: MetaApp): Promise<AppMetaResponse> {
    const { app: api } = this.clients.as(app);
    const check = await api.verifyAppCredentials();
    const isUnknown = !check.ok && (check.verdict.kind === 'transient' || check.verdict.kind === 'throttled');
    return {
      credentials: check.ok ? 'accepted' : isUnknown ? 'unknown' : 'rejected',
      served_version: check.ok ? check.servedVersion : null,
      ...(check.ok || Object.keys(check.meta).length === 0 ? {} : { error: check.meta }),
      subscriptions: check.ok ? await listSubscriptions(this.clients.as(app)) : null,
      missing_settings: missingSettings(app),
    };
  }
}

async function listSubscriptions({ app }: MetaClient): Promise<AppMetaResponse['subscriptions']> {
  try {
    return (await app.listSubscriptions()).map(({ object, callbackUrl, active, fields }) => ({
      object,
      callback_url: callbackUrl,
      active,
      fields: fields.map(({ name }) => name),
    }));
  } catch (error) {
    if (error instanceof MetaError) return null;
    throw error;
  }
}

function missingSettings({ config }: MetaApp): MissingSettingsResponse[] {
  return PRODUCTS.flatMap((product) => {
    const missing = missingLoginSettings(config, { product, flow: productDescriptor(product).mainFlow });
    if (missing === null) return [];
    return [{ product, fields: [...missing.fields] }];
  });
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
