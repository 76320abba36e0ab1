// One replica of the built service, which prints its address in the form that the harness reads.
import { startService } from '../../dist/src/bootstrap/start-service.js';

const service = await startService(process.env);
process.stdout.write(`${JSON.stringify({ url: service.address })}\n`);
process.on('SIGTERM', () => void service.close().then(() => process.exit(0)));
