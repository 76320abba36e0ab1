import { describe, expect, it } from '@jest/globals';
import type { AuditAction } from '../../../src/audit/audit-action.ts';
import type { RecordedState } from '../../../src/audit/recorded-states.query.ts';
import { judgeConnection, newestRecordedVersion } from '../../../src/connections/rollback/rollback-rules.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');

/** An entry from this many seconds ago. */
const entry = (action: AuditAction, details: Record<string, unknown>, secondsAgo = 0): RecordedState => ({
  action,
  at: new Date(NOW - secondsAgo * 1000),
  details,
});
const created = entry('connection.created', { status: 'active', generation: 1 }, 9_000);
const died = (generation: number, secondsAgo: number) =>
  entry('connection.reauth_required', { status: 'reauth_required', generation }, secondsAgo);
const recovered = (generation: number, secondsAgo: number) =>
  entry('connection.recovered', { status: 'active', generation }, secondsAgo);
const found = entry('connection.rollback_detected', { status: 'active', generation: 1, recorded_generation: 3 }, 5);
const unnumbered = (secondsAgo: number) => entry('connection.recovered', { by: 'inspection' }, secondsAgo);

describe('a connection', () => {
  const active = (generation: number) => ({ status: 'active' as const, generation });
  const dead = (generation: number) => ({ status: 'reauth_required' as const, generation });
  const revoked = (generation: number) => ({ status: 'revoked' as const, generation });

  it.each([
    ['without entries', active(1), [], 'consistent'],
    ['as created', active(1), [created], 'consistent'],
    ['as its newest change left it', dead(2), [died(2, 10), created], 'consistent'],
    ['from before its newest change', active(1), [died(2, 10), created], 'rolled_back'],
    ['from before its newest change, with the current count', active(2), [died(2, 10), created], 'rolled_back'],
    ['with a count never used', active(7), [created], 'rolled_back'],
    ['that was revoked', revoked(3), [entry('connection.revoked', { status: 'revoked', generation: 3 })], 'consistent'],
    ['that was revoked but is live', active(2), [entry('connection.revoked', { generation: 3 }), created], 'ended'],
    [
      'that was revoked but is live, with the right count',
      active(3),
      [entry('connection.revoked', {}), created],
      'ended',
    ],
    ['that an earlier release revoked but is live', active(0), [entry('connection.revoked', {})], 'ended'],
    [
      'that was revoked but is live, and was found before',
      active(1),
      [found, entry('connection.revoked', {})],
      'ended',
    ],
    ['that was found before', active(1), [found, died(3, 20), recovered(2, 30), created], 'consistent'],
    ['that changed after it was found', dead(2), [died(2, 1), found, recovered(3, 20), created], 'consistent'],
    ['rolled back again after it was found', active(1), [died(2, 1), found, recovered(3, 20)], 'rolled_back'],
    [
      'with entries in the wrong order because of clock skew',
      dead(4),
      [recovered(3, 1), died(4, 2), created],
      'consistent',
    ],
    [
      'rolled back, with entries in the wrong order because of clock skew',
      active(3),
      [recovered(3, 1), died(4, 2)],
      'rolled_back',
    ],
    ['last changed by a release that does not count', active(2), [unnumbered(0), died(2, 500)], 'consistent'],
    ['perhaps last changed by a release that does not count', active(2), [died(3, 1), unnumbered(30)], 'consistent'],
    ['counted after a release that does not count', active(2), [died(3, 1), unnumbered(90)], 'rolled_back'],
    ['changed only by releases that do not count', active(0), [unnumbered(5), unnumbered(9)], 'consistent'],
  ])('%s', (_, row, entries, kind) => {
    expect(judgeConnection(row, entries).kind).toBe(kind);
  });

  it('is reported with the recorded state', () => {
    const verdict = judgeConnection(active(1), [died(2, 10), created]);
    expect(verdict).toEqual({ kind: 'rolled_back', recorded: { status: 'reauth_required', generation: 2 } });
  });
});

describe('the newest version of a credential', () => {
  const refreshed = (version: number) => entry('credential.refreshed', { kind: 'user', version });
  const granted = (version: number) => entry('credential.granted', { kind: 'user', version });
  const setBack = entry('credential.rollback_detected', { version: 2, recorded_version: 5 });

  it.each([
    ['is null without entries', [], null],
    ['is that of the newest entry', [granted(3), refreshed(2)], 3],
    ['is the highest if clock skew put entries in the wrong order', [refreshed(2), granted(3)], 3],
    ['is the one found, after a finding', [setBack, refreshed(5)], 2],
    ['continues from the one found', [refreshed(3), setBack, refreshed(5)], 3],
    ['ignores entries that name no version', [entry('credential.rotated', {})], null],
  ])('%s', (_, entries, version) => {
    expect(newestRecordedVersion(entries)).toBe(version);
  });
});
