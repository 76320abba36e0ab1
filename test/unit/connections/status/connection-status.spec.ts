import { describe, expect, it } from '@jest/globals';
import { nextStatusSql } from '../../../../src/connections/status/connection-status.repository.ts';
import {
  type ConnectionChange,
  type ConnectionStatus,
  nextStatus,
  requireNextStatus,
  statusesAfter,
} from '../../../../src/connections/status/connection-status.ts';

const CHANGES: ConnectionChange[] = ['authorized', 'authorized_unusable', 'died', 'recovered', 'revoked'];
const STATUSES: ConnectionStatus[] = ['active', 'reauth_required', 'revoked'];

describe('the states of a connection', () => {
  it('never leave revoked', () => {
    const changes: ConnectionChange[] = ['authorized', 'authorized_unusable', 'died', 'recovered'];
    for (const change of changes) expect(nextStatus('revoked', change)).toBeNull();
    expect(nextStatus('revoked', 'revoked')).toBe('revoked');
  });

  it('return from reauth_required only by a login or a recovery', () => {
    expect(nextStatus('reauth_required', 'authorized')).toBe('active');
    expect(nextStatus('reauth_required', 'recovered')).toBe('active');
    expect(nextStatus('reauth_required', 'died')).toBe('reauth_required');
    expect(nextStatus('active', 'died')).toBe('reauth_required');
  });

  it('begin with an authorization, whether or not its token is usable', () => {
    expect(nextStatus('new', 'authorized')).toBe('active');
    expect(nextStatus('new', 'authorized_unusable')).toBe('reauth_required');
    const others: ConnectionChange[] = ['died', 'recovered', 'revoked'];
    for (const change of others) expect(nextStatus('new', change)).toBeNull();
  });

  it('need a login again after one that brought an unusable token', () => {
    for (const status of ['active', 'reauth_required'] as const)
      expect(nextStatus(status, 'authorized_unusable')).toBe('reauth_required');
  });

  it('can all end in revoked', () => {
    for (const status of STATUSES) expect(nextStatus(status, 'revoked')).toBe('revoked');
  });
});

describe('requireNextStatus', () => {
  it('throws if the change is not allowed', () => {
    expect(requireNextStatus('active', 'revoked')).toBe('revoked');
    expect(() => requireNextStatus('revoked', 'authorized')).toThrow(
      "a connection that is revoked can't be authorized",
    );
  });
});

describe('statusesAfter', () => {
  it('is the table by change', () => {
    for (const change of CHANGES) {
      const after = new Map<string, string>(statusesAfter(change));
      for (const status of STATUSES) expect(after.get(status) ?? null).toBe(nextStatus(status, change));
    }
  });

  it('matches the SQL', () => {
    const { text, values } = nextStatusSql('recovered');
    expect(text).toBe('CASE status WHEN $1::text THEN $2::text WHEN $3::text THEN $4::text ELSE status END');
    expect(values).toEqual(['active', 'active', 'reauth_required', 'active']);
  });
});
