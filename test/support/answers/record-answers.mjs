// Plain JavaScript, because replicas of a build run it, too.

/** Longer bodies are media and large lists, which are not ours to describe. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

export function recordAnswers(server, onAnswer) {
  server.prependListener('request', (request, response) => {
    const chunks = [];
    let size = 0;
    let headers = {};
    const keep = (chunk, encoding) => {
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
      const bytes = Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8');
      size += bytes.length;
      if (size <= MAX_BODY_BYTES) chunks.push(bytes);
    };
    const { write, end, writeHead } = response;
    response.writeHead = function (status, ...rest) {
      headers = { ...headers, ...toObject(rest.at(-1)) };
      return writeHead.call(this, status, ...rest);
    };
    response.write = function (chunk, ...rest) {
      keep(chunk, rest[0]);
      return write.call(this, chunk, ...rest);
    };
    response.end = function (chunk, ...rest) {
      if (response.writableEnded) return end.call(this, chunk, ...rest);
      keep(chunk, rest[0]);
      onAnswer({
        method: request.method ?? '',
        url: request.url ?? '',
        status: response.statusCode,
        headers: { ...toObject(response.getHeaders()), ...headers },
        body: Buffer.concat(chunks).toString('utf8'),
      });
      return end.call(this, chunk, ...rest);
    };
  });
}

/** Headers with names in lower case, from an object or an array of names and values. */
function toObject(headers) {
  if (typeof headers !== 'object' || headers === null) return {};
  const entries = Array.isArray(headers)
    ? headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1]]] : []))
    : Object.entries(headers);
  return Object.fromEntries(entries.map(([name, value]) => [String(name).toLowerCase(), String(value)]));
}
