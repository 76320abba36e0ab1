import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const SOURCES = path.join(import.meta.dirname, '../../src');

/** Code that shows lists and counts to people and clients. None of it decides on access. */
const READERS = [
  'audit/audit-entry.query.ts',
  'connections/connection-parts.controller.ts',
  'connections/connection/connection.repository.ts',
  'connections/counts/connection-counts.service.ts',
  'database/database-monitor.ts',
  'events/deliveries/deliveries.service.ts',
  'events/deliveries/event-backlog.query.ts',
  'leases/lease-list.service.ts',
  'operations/doctor/production-checks.ts',
  'operations/overview/overview.service.ts',
];

/** `database.reads`, or `reads` destructured from it. */
const READS_FROM_STANDBY = /database\.(reads|longReads)\b|\{[^}]*\b(reads|longReads)\b[^}]*\}/;
const IS_COMMENT = /^\s*(\/?\*|\/\/)/;

function readsFromStandby(file: string): boolean {
  const lines = readFileSync(path.join(SOURCES, file), 'utf8').split('\n');
  return lines.some((line) => !IS_COMMENT.test(line) && READS_FROM_STANDBY.test(line));
}

it('a standby may answer lists and counts only: whatever decides asks the primary', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const readers = files.filter(readsFromStandby).map((file) => file.split(path.sep).join('/'));
  expect(readers.sort()).toEqual(READERS);
});
