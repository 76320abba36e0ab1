import { CLIENT_MAC } from '../../dist/src/auth/client-macs.js';
import { RowMacs } from '../../dist/src/database/row-macs.js';
import { LEASE_MAC } from '../../dist/src/leases/lease-mac.js';
import { keyedHash } from '../../dist/src/vault/aead.js';

/**
 * What the MACs of rows cost: microseconds for one lease as it is issued, and for one call with it (its own MAC and its
 * client's).
 */
const ROUNDS = 20;
const PER_ROUND = 10_000;

const key = Buffer.alloc(32, 7);
const macs = new RowMacs({ computeRowMac: (message) => keyedHash(key, message, 16) }, { forged: () => undefined });
const id = (prefix) => `${prefix}_01hx3k9f0q8v2y5r7t1w4z6b8c`;
const lease = {
  id: id('lse'),
  mode: 'gateway',
  secret_hash: Buffer.alloc(32, 1),
  client_id: id('cli'),
  tenant: 'a-customer-of-ours',
  product: 'whatsapp',
  connection_id: id('con'),
  credential_id: id('crd'),
  credential_version: 3,
  asset_type: 'phone_number',
  asset_id: '109876543210987',
  issued_at: new Date(1_764_000_000_000),
  expires_at: new Date(1_764_000_600_000),
  ancestor_ids: null,
};
const client = {
  id: id('cli'),
  name: 'checkout',
  role: 'service',
  tenants: ['*'],
  products: ['whatsapp', 'pages'],
  lease_modes: ['gateway'],
  max_ttl_seconds: 3600,
  rate_limit_per_second: 50,
  allow: ['POST /*/messages', 'GET /*'],
  ip_allow_list: null,
  policy_version: 4,
  created_at: new Date(1_764_000_000_000),
  deleted_at: null,
};
const storedLease = { ...lease, mac: macs.compute(LEASE_MAC, lease) };
const storedClient = { ...client, mac: macs.compute(CLIENT_MAC, client) };

/** The median round, in microseconds of processor time for each run of `work`: others may be at work on the machine. */
function measure(work) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = process.cpuUsage();
    for (let n = 0; n < PER_ROUND; n++) if (!work()) throw new Error('a MAC does not fit');
    const { user, system } = process.cpuUsage(startedAt);
    rounds.push((user + system) / PER_ROUND);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS / 2];
}

const issued = measure(() => macs.compute(LEASE_MAC, lease));
const called = measure(() => macs.verify(LEASE_MAC, storedLease) && macs.verify(CLIENT_MAC, storedClient));
process.stdout.write(`${JSON.stringify({ us_per_issued_lease: issued, us_per_call: called })}\n`);
