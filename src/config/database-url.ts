/** One server: a host name or address, or the folder of a Unix socket (begins with `/`). */
export interface DatabaseHost {
  readonly host: string;
  readonly port: number;
}

/** What `sslmode` asks for, with libpq's meaning. */
export interface DatabaseTls {
  readonly mode: 'require' | 'verify-ca' | 'verify-full';
  /** Files. No root certificate: the well-known authorities. */
  readonly rootCertFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** A parsed libpq connection URI. */
export interface DatabaseAddress {
  /** At least one, in the URI's order. */
  readonly hosts: readonly DatabaseHost[];
  /** Null: `pg`'s default, the user of this process. */
  readonly user: string | null;
  readonly password: string | null;
  readonly database: string | null;
  /** Whether the server must accept writes. */
  readonly needsWrites: boolean;
  readonly tls: DatabaseTls | null;
  readonly channelBinding: boolean;
  /** Command-line options for the server, as in `-c search_path=vault`. */
  readonly options: string | null;
}

/** A URI that cannot be used. The message is a sentence without its subject, and never shows the password. */
export class DatabaseUrlError extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'DatabaseUrlError';
  }
}

const DEFAULT_PORT = 5432;
const FORM = 'must be a URL such as postgres://user:password@host:5432/database';
const URI = /^postgres(?:ql)?:\/\/(?:([^/?]*)@)?([^/?@]*)(?:\/([^?]*))?(?:\?(.*))?$/;
const SUPPORTED = new Set([
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'options',
  'target_session_attrs',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'channel_binding',
]);
/** Ignored because the service sets limits and names of its own. */
const IGNORED = new Set(['connect_timeout', 'application_name', 'fallback_application_name', 'tcp_user_timeout']);

/**
 * Parses a URI as libpq does (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS). With
 * several hosts, the default of `target_session_attrs` is `read-write`. Throws `DatabaseUrlError`.
 */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  const match = URI.exec(url);
  if (match === null) throw new DatabaseUrlError(`${FORM}.`);
  const [, login = '', authority = '', path = '', query = ''] = match;
  const parameters = readParameters(query);
  const parameter = (name: string): string | null => parameters.get(name) ?? null;
  const separator = login.indexOf(':');
  const user = decode(separator < 0 ? login : login.slice(0, separator));
  const password = separator < 0 ? '' : decode(login.slice(separator + 1));
  const hosts = readHosts(authority, parameter('host'), parameter('port'));
  return {
    hosts,
    user: parameter('user') ?? orNull(user),
    password: parameter('password') ?? orNull(password),
    database: parameter('dbname') ?? orNull(decode(path)),
    needsWrites: readNeedsWrites(parameter('target_session_attrs'), hosts),
    tls: readTls(parameter),
    channelBinding: parameter('channel_binding') !== 'disable',
    options: parameter('options'),
  };
}

/** Returns `host:port/database` for messages, without user and password. */
export function describeDatabase({ hosts, database }: DatabaseAddress): string {
  const places = hosts.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`));
  return `${places.join(',')}/${database ?? ''}`;
}

function readParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    if (IGNORED.has(name) || name.startsWith('keepalives')) continue;
    if (!SUPPORTED.has(name)) throw new DatabaseUrlError(describeUnknown(name, query));
    parameters.set(name, decode(value));
  }
  return parameters;
}

/** Names the parameter, unless it could be the rest of a password with a question mark in it. */
function describeUnknown(name: string, query: string): string {
  if (query.includes('@')) return 'has a password that is not encoded; write %3F for a question mark and %40 for @.';
  const hint = name === 'ssl' ? 'Use sslmode, for example sslmode=verify-full.' : 'Remove or correct it.';
  return `has the parameter ${JSON.stringify(name.slice(0, 40))}, which is not known. ${hint}`;
}

/** Hosts come before the path, or in `host` and `port`, which take precedence. */
function readHosts(authority: string, hostParameter: string | null, portParameter: string | null): DatabaseHost[] {
  const entries = authority.split(',').map(splitHost);
  const names = hostParameter === null ? entries.map(({ host }) => decode(host)) : hostParameter.split(',');
  const ports = portParameter === null ? entries.map(({ port }) => port) : portParameter.split(',');
  if (ports.length !== 1 && ports.length !== names.length)
    throw new DatabaseUrlError('must have one port for all hosts, or one for each.');
  return names.map((name, index) => ({
    host: name === '' ? 'localhost' : name,
    port: readPort(ports[ports.length === 1 ? 0 : index] ?? ''),
  }));
}

function splitHost(entry: string): { host: string; port: string } {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(entry);
  if (match === null) throw new DatabaseUrlError(`${FORM}; encode special characters of the password.`);
  return { host: match[1] ?? match[2] ?? '', port: match[3] ?? '' };
}

function readPort(text: string): number {
  if (text === '') return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new DatabaseUrlError('has a port that is not a number from 1 to 65535.');
  return port;
}

function readNeedsWrites(attributes: string | null, hosts: readonly DatabaseHost[]): boolean {
  switch (attributes) {
    case null:
      return hosts.length > 1;
    case 'any':
      return false;
    case 'read-write':
    case 'primary':
      return true;
    default:
      throw new DatabaseUrlError('must have target_session_attrs=read-write, primary, or any: the service writes.');
  }
}

function readTls(parameter: (name: string) => string | null): DatabaseTls | null {
  const [rootCert, certFile, keyFile] = [parameter('sslrootcert'), parameter('sslcert'), parameter('sslkey')];
  const mode = parameter('sslmode');
  if ((certFile === null) !== (keyFile === null))
    throw new DatabaseUrlError('must have both sslcert and sslkey, or neither.');
  if (mode === null || mode === 'disable') {
    if (mode === null && (rootCert ?? certFile) !== null)
      throw new DatabaseUrlError('has certificates but no sslmode. Add sslmode=verify-full.');
    return null;
  }
  if (mode === 'prefer' || mode === 'allow')
    throw new DatabaseUrlError(
      `has sslmode=${mode}, which anyone in between can turn off. Use verify-full or disable.`,
    );
  if (mode !== 'require' && mode !== 'verify-ca' && mode !== 'verify-full')
    throw new DatabaseUrlError('must have sslmode=verify-full, verify-ca, require, or disable.');
  const rootCertFile = rootCert === 'system' ? null : rootCert;
  if (mode === 'verify-ca' && rootCertFile === null)
    throw new DatabaseUrlError('has sslmode=verify-ca without sslrootcert. Name the file, or use verify-full.');
  // As libpq does.
  const strictest = mode === 'require' && rootCertFile !== null ? 'verify-ca' : mode;
  return { mode: strictest, rootCertFile, certFile, keyFile };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUrlError('has a % that begins no encoded character; write %25 for it.');
  }
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
