// One replica in a process of its own, from its environment alone. Prints its address; tests end it as they like.
import { appendFileSync } from 'node:fs';
import { createReplica } from '../../src/bootstrap/replica.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { recordAnswers } from './answers/record-answers.mjs';

const replica = await createReplica({
  config: loadConfig(process.env),
  databaseUrl: process.env.DATABASE_URL ?? '',
});
if (process.env.ANSWERS_FILE !== undefined)
  recordAnswers(replica.app.getHttpServer(), (answer) =>
    appendFileSync(process.env.ANSWERS_FILE, `${JSON.stringify(answer)}\n`),
  );
process.stdout.write(`${await replica.listen()}\n`);
