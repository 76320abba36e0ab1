// A product's backend: connects customers, lists their Pages, and asks who has to log in again.
// METAVAULT_URL=http://localhost:3000 METAVAULT_KEY=mtv_… METAVAULT_WEBHOOK_SECRET=whsec_… npm start
import { EventVerifier, Metavault, MetavaultError } from '@metavault/client';
import express from 'express';

const { METAVAULT_URL, METAVAULT_KEY, METAVAULT_WEBHOOK_SECRET, PORT = '8080' } = process.env;
const metavault = new Metavault({ url: METAVAULT_URL, apiKey: METAVAULT_KEY });
const events = new EventVerifier(METAVAULT_WEBHOOK_SECRET);
/** Tenants that have to log in again. Keep them in your database. */
const lost = new Set();
const app = express();

// Put this address on a button or in an email: each visit makes a fresh link, also to connect again.
app.get('/customers/:tenant/connect', async (request, response) => {
  const { tenant } = request.params;
  const session = await metavault.connectSessions.create({ tenant, product: 'pages', flow: 'facebook_login' });
  response.redirect(303, session.connect_url);
});

app.get('/customers/:tenant/pages', async (request, response) => {
  const graph = metavault.graph({ tenant: request.params.tenant, product: 'pages' });
  const pages = [];
  for await (const page of graph.items('me/accounts', { fields: 'id,name' })) pages.push(page);
  response.json(pages);
});

app.get('/customers/:tenant', (request, response) => {
  const { tenant } = request.params;
  response.json({ tenant, reconnect: lost.has(tenant) ? `/customers/${tenant}/connect` : null });
});

// The signature covers the raw bytes. An event may arrive twice: doing this work again is harmless.
app.post('/hooks', express.raw({ type: '*/*' }), (request, response) => {
  const { type, data } = events.verify(request.body, request.headers);
  if (type === 'connection.reauth_required') lost.add(data.tenant);
  if (type === 'connection.created') lost.delete(data.tenant);
  response.sendStatus(204);
});

app.use((error, request, response, next) => {
  if (error.name === 'EventVerificationError') return response.sendStatus(401);
  if (!(error instanceof MetavaultError)) return next(error);
  const { code, remedy, requestId } = error;
  const reconnect = code === 'reauth_required' ? `${request.path.replace(/\/pages$/, '')}/connect` : null;
  response.status(reconnect === null ? 502 : 409).json({ code, remedy, requestId, reconnect });
});

const server = app.listen(Number(PORT), () => process.stdout.write(`listening on ${server.address().port}\n`));
