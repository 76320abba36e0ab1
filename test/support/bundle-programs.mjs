// Bundles the service and the programs that tests start: unbundled, most of a replica's start is spent on loading.
import path from 'node:path';
import { buildBundle } from '../../bundle.mjs';

const SUPPORT = 'test/support';

await buildBundle(
  path.resolve(import.meta.dirname, '../../dist/for-tests'),
  { 'replica-process': `./${SUPPORT}/replica-process.mjs` },
  [`${SUPPORT}/replica-process.mjs`, `${SUPPORT}/answers/record-answers.mjs`],
);
