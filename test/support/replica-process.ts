import { loadConfig } from '../../src/config/load-config.ts';
import { createReplica } from '../../src/replica.ts';

/** One replica in a process of its own, from its environment alone. Prints its address; tests end it as they like. */
const replica = await createReplica({
  config: loadConfig(process.env),
  databaseUrl: process.env['DATABASE_URL'] ?? '',
});
process.stdout.write(`${await replica.listen()}\n`);
