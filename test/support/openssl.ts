import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** Whether the `openssl` program is there. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** Quick to generate, even on a busy machine. */
const EC_KEY = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

/** Files in PEM. */
export interface CertificateFiles {
  cert: string;
  key: string;
}

/** Makes an authority in `folder`. */
export function createAuthority(folder: string, name: string): CertificateFiles {
  const [cert, key] = [path.join(folder, `${name}.crt`), path.join(folder, `${name}.key`)];
  openssl(
    'req',
    '-x509',
    '-newkey',
    ...EC_KEY,
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    key,
    '-out',
    cert,
  );
  return { cert, key };
}

/** Makes a certificate that the authority signs. `hosts` as in `DNS:localhost`. */
export function signCertificate(
  authority: CertificateFiles,
  folder: string,
  name: string,
  hosts: readonly string[] = [],
): CertificateFiles {
  const [cert, key] = [path.join(folder, `${name}.crt`), path.join(folder, `${name}.key`)];
  const [request, extensions] = [path.join(folder, `${name}.csr`), path.join(folder, `${name}.ext`)];
  openssl('req', '-newkey', ...EC_KEY, '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
  writeFileSync(extensions, hosts.length === 0 ? '' : `subjectAltName=${hosts.join(',')}\n`);
  const by = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial'];
  openssl('x509', '-req', '-in', request, ...by, '-days', '2', '-extfile', extensions, '-out', cert);
  return { cert, key };
}

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
}
