// The baselines, bare Fastify routes: `/` with one primary-key SELECT through pg and one XChaCha20-Poly1305 open of 250
// bytes; `/insert` with one INSERT and its commit.
import Fastify from 'fastify';
import sodium from 'libsodium-wrappers';
import pg from 'pg';

await sodium.ready;
const key = new Uint8Array(32).fill(7);
const nonce = new Uint8Array(24).fill(9);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const fastify = Fastify();
fastify.post('/', async (request) => {
  const statement = { name: 'bare', text: 'SELECT id, box FROM bench_secret WHERE id = $1', values: [request.body.id] };
  const { rows } = await pool.query(statement);
  const open = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, rows[0].box, 'bench', nonce, key);
  return { id: rows[0].id, token: Buffer.from(open).toString() };
});
fastify.post('/insert', async ({ body: { id, text } }) => {
  await pool.query({ name: 'insert', text: 'INSERT INTO bench_row VALUES ($1, $2, now())', values: [id, text] });
  return { id };
});
process.stdout.write(`${JSON.stringify({ url: await fastify.listen({ port: 0, host: '127.0.0.1' }) })}\n`);
process.on('SIGTERM', () => void fastify.close().then(() => pool.end()));
