import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../database/statement.ts';
import type { SecretString } from '../platform/secret-string.ts';
import type { SecretId } from '../vault/ids.ts';
import { Vault } from '../vault/vault.ts';
import type { AppRow, AppSecretIds, AppSecretPurpose } from './app-row.ts';

export type AppSecrets = Partial<Record<AppSecretPurpose, SecretString>>;

/** Secrets of Meta apps, each sealed to its app and purpose. */
@Injectable()
export class AppSecretStore {
  constructor(private readonly vault: Vault) {}

  /** Seals secrets. Returns their ids by purpose. */
  async seal(tx: SqlExecutor, appId: string, secrets: AppSecrets): Promise<AppSecretIds> {
    const given = Object.entries(secrets) as [AppSecretPurpose, SecretString][];
    const ids = await this.vault.putAll(
      tx,
      given.map(([purpose, secret]) => ({ secret, context: contextOf(appId, purpose) })),
    );
    return Object.fromEntries(given.map(([purpose], index) => [purpose, ids[index]]));
  }

  /**
   * Opens an app's secrets as of a row that isn't locked. A change destroys the secrets that it replaces; if one came
   * between, takes the row that `read` returns. Null if the app is gone. Throws `DecryptionError`.
   */
  async openCurrent<R extends AppRow>(
    executor: SqlExecutor,
    known: R,
    read: () => Promise<R | null>,
  ): Promise<{ row: R; secrets: AppSecrets } | null> {
    for (let row = known; ; ) {
      const secrets = await this.open(executor, row);
      if (isComplete(secrets, row)) return { row, secrets };
      const current = await read();
      if (current === null) return null;
      if (current.version === row.version) return { row, secrets };
      row = current;
    }
  }

  /** Opens the secrets of a locked row; those that are gone are absent. Throws `DecryptionError`. */
  async open(executor: SqlExecutor, { app_id: appId, secret_ids: ids }: AppRow): Promise<AppSecrets> {
    const entries = Object.entries(ids) as [AppSecretPurpose, SecretId][];
    const opened = await Promise.all(
      entries.map(async ([purpose, id]) => [purpose, await this.vault.get(executor, id, contextOf(appId, purpose))]),
    );
    return Object.fromEntries(opened.filter(([, secret]) => secret !== null));
  }

  /** Destroys the secrets that `before` had and `after` no longer has. */
  async destroyReplaced(tx: SqlExecutor, before: AppSecretIds, after: AppSecretIds): Promise<void> {
    const kept = new Set(Object.values(after));
    await this.vault.destroy(
      tx,
      Object.values(before).filter((id) => !kept.has(id)),
    );
  }
}

function isComplete(secrets: AppSecrets, { secret_ids: ids }: AppRow): boolean {
  return Object.keys(ids).every((purpose) => purpose in secrets);
}

function contextOf(appId: string, purpose: AppSecretPurpose): string[] {
  return ['app', appId, purpose];
}
