import type { components } from '../../../clients/typescript/src/schema.ts';

export type Connection = components['schemas']['ConnectionResponse'];
export type Credential = components['schemas']['CredentialResponse'];
type Health = Credential['health'];

/** Worst first. */
export const HEALTHS: readonly Health[] = ['invalid', 'unknown', 'expiring', 'healthy'];

/** The worst health among the connection's tokens; null: it has none. */
export function worstHealth(connection: Pick<Connection, 'credentials'>): Health | null {
  return HEALTHS.find((health) => connection.credentials.some((each) => each.health === health)) ?? null;
}

/** When the first of its tokens, or access to the user's data, ends (ISO 8601); null: nothing ends by itself. */
export function earliestEnd(connection: Pick<Connection, 'credentials' | 'data_access_expires_at'>): string | null {
  const ends = [connection.data_access_expires_at, ...connection.credentials.map((each) => each.expires_at)];
  return ends.filter((end) => end !== null).sort()[0] ?? null;
}

/**
 * The name to show: that of the account that authorized the connection, else of an asset it reaches, else Meta's id.
 */
export function accountName(connection: Connection): string {
  const [root] = connection.credentials;
  const asset = connection.assets.find(({ name }) => name !== null);
  return root?.subject_name ?? asset?.name ?? connection.meta_user_id;
}
