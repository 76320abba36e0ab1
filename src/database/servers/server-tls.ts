import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { DatabaseTls } from '../../config/database-url.ts';

/** TLS options. Reads the files for each new connection, because certificates are renewed while we run. */
export class ServerTls {
  #last: ConnectionOptions;

  /** Throws if a file cannot be read. */
  constructor(private readonly tls: DatabaseTls) {
    this.#last = this.#read();
  }

  /** Returns the previous options if a file can't be read, for instance while it is being replaced. */
  options(): ConnectionOptions {
    try {
      this.#last = this.#read();
    } catch {
      // If the previous ones are out of date, the server refuses them.
    }
    return { ...this.#last };
  }

  #read(): ConnectionOptions {
    const { mode, rootCertFile, certFile, keyFile } = this.tls;
    return {
      rejectUnauthorized: mode !== 'require',
      ...(rootCertFile === null ? {} : { ca: readFileSync(rootCertFile) }),
      ...(certFile === null ? {} : { cert: readFileSync(certFile) }),
      ...(keyFile === null ? {} : { key: readFileSync(keyFile) }),
      ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    };
  }
}

/** Names of OpenSSL's verification errors and of Node's own, as in `error.code`. */
const TLS_FAILURE = /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/;

/** Whether a connection failed because TLS could not be negotiated or the certificate is not valid. */
export function isTlsFailure({ code, message }: { code?: unknown; message?: unknown }): boolean {
  if (typeof code === 'string') return TLS_FAILURE.test(code);
  // `pg` has no error codes for these.
  return typeof message === 'string' && /support SSL connections|establishing an SSL connection/.test(message);
}
