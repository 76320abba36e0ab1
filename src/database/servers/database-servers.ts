import pg, { type ClientConfig, type Pool, type PoolConfig } from 'pg';
import type { DatabasePasswordConfig } from '../../config/database-settings.ts';
import {
  type DatabaseAddress,
  type DatabaseHost,
  describeDatabase,
  parseDatabaseUrl,
} from '../../config/database-url.ts';
import { HostFinder } from './host-finder.ts';
import { PasswordSource } from './password-source.ts';
import { ReadOnlyServerError, type ServerChoice, ServerClient, type SessionSettings } from './server-client.ts';
import { ServerTls } from './server-tls.ts';

/** Maximum milliseconds to ask a host whether it takes writes: less than any request waits for a connection. */
const ASK_TIMEOUT_MS = 800;

/** The pooler between us and Postgres, if any. */
export interface Pooler {
  /** `session`: each client has its own server session; `transaction`: it borrows one for each transaction. */
  readonly mode: 'none' | 'session' | 'transaction';
  /** Whether statements prepared once can be run on every session that it lends. */
  readonly keepsPrepared: boolean;
}

type PoolOptions = PoolConfig & SessionSettings;

/** The module `pg` as TypeORM uses it, with pools of our clients. */
interface ServersDriver {
  readonly Pool: new (options: PoolOptions) => Pool;
  readonly servers: DatabaseServers;
}

/** The servers of one database URL. Each new connection chooses its server, and fetches the password again. */
export class DatabaseServers implements ServerChoice {
  readonly address: DatabaseAddress;
  /** Determined before the first pool is opened (`inspectPooler`). */
  pooler: Pooler = { mode: 'none', keepsPrepared: true };
  /** For TypeORM, which creates its own pool. */
  readonly driver: ServersDriver;
  readonly #password: PasswordSource;
  readonly #tls: ServerTls | null;
  readonly #finder: HostFinder;

  /** Throws `DatabaseUrlError`, or the error of reading a certificate file. */
  constructor(url: string, password: DatabasePasswordConfig | null = null) {
    this.address = parseDatabaseUrl(url);
    this.driver = createDriver(this);
    this.#password = new PasswordSource(this.address.password, password);
    this.#tls = this.address.tls === null ? null : new ServerTls(this.address.tls);
    this.#finder = new HostFinder(
      this.address.hosts,
      (host) => this.#isFit(host),
      () => new ReadOnlyServerError(),
    );
  }

  /** `host:port/database`, for messages. */
  get place(): string {
    return describeDatabase(this.address);
  }

  get needsWrites(): boolean {
    return this.address.needsWrites;
  }

  get hasSessions(): boolean {
    return this.pooler.mode === 'session';
  }

  /** Connects on first use. */
  openPool(options: PoolOptions): Pool {
    return new this.driver.Pool(options);
  }

  /** Opens one connection, whose statements are also limited to `timeoutMs`. The caller must end it. */
  connect(timeoutMs: number): Promise<ServerClient> {
    const limits = { connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs };
    return new ServerClient({ ...limits, ...this.clientConfig() }, this, {}).connect();
  }

  async choose(): Promise<DatabaseHost> {
    const [first, ...others] = this.address.hosts;
    return first !== undefined && others.length === 0 ? first : this.#finder.find();
  }

  forget(): void {
    this.#finder.forget();
  }

  discardPassword(): void {
    this.#password.discard();
  }

  /** All that `pg` needs besides limits. */
  clientConfig(): ClientConfig {
    const { user, database, options, channelBinding } = this.address;
    return {
      ...(user === null ? {} : { user }),
      ...(database === null ? {} : { database }),
      ...(options === null ? {} : { options }),
      password: () => this.#password.get(),
      ssl: this.#tls === null ? false : this.#tls.options(),
      enableChannelBinding: channelBinding,
      keepAlive: true,
    };
  }

  /** Asks on a separate connection. */
  async #isFit(host: DatabaseHost): Promise<boolean> {
    const limits = { connectionTimeoutMillis: ASK_TIMEOUT_MS, query_timeout: ASK_TIMEOUT_MS };
    const alone: ServerChoice = {
      needsWrites: this.needsWrites,
      hasSessions: false,
      choose: async () => host,
      forget: () => undefined,
      discardPassword: () => this.discardPassword(),
    };
    const client = new ServerClient({ ...limits, ...this.clientConfig() }, alone, {});
    try {
      await client.connect();
      return true;
    } catch (error) {
      if (error instanceof ReadOnlyServerError) return false;
      throw error;
    } finally {
      void client.end().catch(() => undefined);
    }
  }
}

function createDriver(servers: DatabaseServers): ServersDriver {
  class PooledClient extends ServerClient {
    constructor(options: PoolOptions) {
      const { statement_timeout, idle_in_transaction_session_timeout, ...others } = options;
      const { plan_cache_mode, enable_seqscan, enable_bitmapscan, jit, ...config } = others;
      super({ ...config, ...servers.clientConfig() }, servers, {
        statement_timeout,
        idle_in_transaction_session_timeout,
        plan_cache_mode,
        enable_seqscan,
        enable_bitmapscan,
        jit,
      });
    }
  }
  class ServersPool extends pg.Pool {
    constructor(options: PoolOptions) {
      super({ ...options, Client: PooledClient } as unknown as PoolConfig);
    }
  }
  return { ...pg, Pool: ServersPool, servers };
}
