// Bundles the service with what tests run in a process of its own: unbundled, loading takes most of a replica's start.
import path from 'node:path';
import { buildBundle } from '../../bundle.mjs';

const SUPPORT = 'test/support';

await buildBundle(
  path.resolve(import.meta.dirname, '../../dist/for-tests'),
  { 'replica-process': `./${SUPPORT}/replica-process.mjs` },
  [`${SUPPORT}/replica-process.mjs`, `${SUPPORT}/answers/record-answers.mjs`],
);
