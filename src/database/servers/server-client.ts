import type { Socket } from 'node:net';
import pg, { type ClientConfig } from 'pg';
import type { DatabaseHost } from '../../config/database-url.ts';

/** Settings of a session: limits in milliseconds, and how statements are planned. */
export interface SessionSettings {
  readonly statement_timeout?: number | false | undefined;
  readonly idle_in_transaction_session_timeout?: number | undefined;
  readonly plan_cache_mode?: 'force_generic_plan' | undefined;
  readonly enable_seqscan?: 'off' | undefined;
  readonly enable_bitmapscan?: 'off' | undefined;
  readonly jit?: 'off' | undefined;
}

/** What a client needs to know before and after it has connected. */
export interface ServerChoice {
  readonly needsWrites: boolean;
  /** Whether the server, or a pooler in front of it, keeps this session's settings for this session alone. */
  readonly hasSessions: boolean;
  /** The host to connect to. */
  choose(): Promise<DatabaseHost>;
  /** Call if the host chosen last is no longer suitable. */
  forget(): void;
  /** Call if the server refused the password. */
  discardPassword(): void;
}

interface SessionRow {
  pid: number;
  read_only: string;
}

/** The server takes no writes, though `target_session_attrs` requires one that does. */
export class ReadOnlyServerError extends Error {
  /** SQLSTATE of a read-only transaction. */
  readonly code = '25006';

  constructor() {
    super('no server of DATABASE_URL takes writes');
    this.name = 'ReadOnlyServerError';
  }
}

/** Only the time to connect as a whole is limited. */
const NO_LIMIT_MS = 60_000;
const LOGIN_REFUSED = new Set(['28P01', '28000']);

/**
 * A client that chooses its server when it connects, and sets up the session with a statement: poolers refuse the
 * settings as startup parameters.
 */
export class ServerClient extends pg.Client {
  #isPooled = false;

  constructor(
    config: ClientConfig,
    private readonly choice: ServerChoice,
    private readonly settings: SessionSettings,
  ) {
    super(config);
    // If a connection breaks, its statement fails; without a listener, the process would end as well.
    this.on('error', () => undefined);
  }

  /** Whether there is a pooler in between: the session's process id differs from the server's. */
  get isPooled(): boolean {
    return this.#isPooled;
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error | null) => void): void;
  override connect(callback?: (error: Error | null) => void): Promise<this> | undefined {
    const opened = this.open();
    if (callback === undefined) return opened;
    opened.then(() => callback(null), callback);
    return undefined;
  }

  private async open(): Promise<this> {
    const { host, port } = await this.choice.choose();
    // The pool destroys the socket of a client that takes too long; connecting now would reopen it.
    if (this.socket.destroyed) throw new Error('Connection terminated due to connection timeout');
    Object.assign(this, { host, port });
    if (host.startsWith('/')) this.#withoutTls();
    try {
      await super.connect();
      await this.beginSession();
    } catch (error) {
      if (LOGIN_REFUSED.has(String((error as { code?: unknown }).code))) this.choice.discardPassword();
      this.choice.forget();
      // A silent server does not respond to the termination message.
      void this.end().catch(() => undefined);
      this.socket.destroy();
      throw error;
    }
    return this;
  }

  private async beginSession(): Promise<void> {
    const { processID } = this as unknown as { processID: number };
    // On a borrowed session, other clients would get these settings.
    const isOurs = `${this.choice.hasSessions} OR pg_backend_pid() = ${processID}`;
    const settings = Object.entries(this.settings)
      .filter(([, value]) => value !== undefined && value !== false)
      .map(([name, value]) => `CASE WHEN ${isOurs} THEN set_config('${name}', '${value}', false) END`);
    const columns = [`pg_backend_pid() AS pid`, `current_setting('transaction_read_only') AS read_only`, ...settings];
    const statement = { text: `SELECT ${columns.join(', ')}`, query_timeout: NO_LIMIT_MS };
    const { rows } = await this.query<SessionRow>(statement);
    this.#isPooled = rows[0]?.pid !== processID;
    if (this.choice.needsWrites && rows[0]?.read_only === 'on') throw new ReadOnlyServerError();
  }

  /** As in libpq for Unix sockets. */
  #withoutTls(): void {
    Object.assign(this, { ssl: false });
    Object.assign(connectionOf(this), { ssl: false });
  }

  private get socket(): Socket {
    return connectionOf(this).stream;
  }
}

/** Private in `pg`'s types; its pool uses it as well. */
function connectionOf(client: pg.Client): { stream: Socket } {
  return (client as unknown as { connection: { stream: Socket } }).connection;
}
