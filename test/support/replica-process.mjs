// One replica in a process of its own, from its environment alone. Prints its address; tests end it as they like.
// Of the build that REPLICA_BUILD names, or of the sources as they are, by way of typescript-hook.mjs.
import { appendFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { recordAnswers } from './answers/record-answers.mjs';

const build = process.env.REPLICA_BUILD;
const load = (name) =>
  import(build === undefined ? `../../src/${name}.ts` : pathToFileURL(`${build}/src/${name}.js`).href);
const [{ loadConfig }, { createReplica }] = await Promise.all([load('config/load-config'), load('bootstrap/replica')]);

const replica = await createReplica({
  config: loadConfig(process.env),
  databaseUrl: process.env.DATABASE_URL ?? '',
});
if (process.env.ANSWERS_FILE !== undefined)
  recordAnswers(replica.app.getHttpServer(), (answer) =>
    appendFileSync(process.env.ANSWERS_FILE, `${JSON.stringify(answer)}\n`),
  );
process.stdout.write(`${await replica.listen()}\n`);
