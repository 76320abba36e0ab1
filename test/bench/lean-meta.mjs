// The least that Meta does in a sweep: exchanges and inspects user tokens, alone and in Graph batches. Checks nothing,
// so that its processor time does not limit what is measured.
import http from 'node:http';

const LIFETIME_SECONDS = 60 * 86_400;

/** `known`: user and end (ms since 1970) by token; further tokens are added. `latencyMs`: before each answer. */
export async function startLeanMeta(appId, known) {
  const settings = { latencyMs: 0 };
  let made = 0;
  const seconds = (milliseconds) => Math.floor(milliseconds / 1000);

  function exchange(parameters) {
    const { userId } = known.get(parameters.get('fb_exchange_token'));
    const token = `EAAlean${userId}x${++made}`;
    known.set(token, { userId, expiresAt: Date.now() + LIFETIME_SECONDS * 1000 });
    return { access_token: token, token_type: 'bearer', expires_in: LIFETIME_SECONDS };
  }

  function inspect(parameters) {
    const { userId, expiresAt } = known.get(parameters.get('input_token'));
    return {
      data: {
        app_id: appId,
        type: 'USER',
        application: 'bench',
        data_access_expires_at: seconds(expiresAt + 30 * 86_400_000),
        expires_at: seconds(expiresAt),
        is_valid: true,
        issued_at: seconds(expiresAt) - LIFETIME_SECONDS,
        scopes: ['pages_show_list'],
        user_id: userId,
      },
    };
  }

  function answer(path, parameters) {
    if (path.endsWith('oauth/access_token')) return exchange(parameters);
    if (path.endsWith('debug_token')) return inspect(parameters);
    if (parameters.has('batch')) return JSON.parse(parameters.get('batch')).map(answerPart);
    throw new Error(`a sweep should not ask for ${path}`);
  }

  function answerPart({ relative_url: url }) {
    const [path, query] = url.split('?');
    return { code: 200, headers: [], body: JSON.stringify(answer(path, new URLSearchParams(query))) };
  }

  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const [path, query = ''] = request.url.split('?');
      const body = Buffer.concat(chunks).toString();
      const reply = () => {
        const text = JSON.stringify(answer(path, new URLSearchParams(`${query}&${body}`)));
        response.writeHead(200, {
          'content-type': 'application/json; charset=UTF-8',
          'facebook-api-version': 'v26.0',
          'x-app-usage': '{"call_count":1,"total_cputime":1,"total_time":1}',
          'content-length': Buffer.byteLength(text),
        });
        response.end(text);
      };
      if (settings.latencyMs === 0) reply();
      else setTimeout(reply, settings.latencyMs);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}`, settings, close };
}
