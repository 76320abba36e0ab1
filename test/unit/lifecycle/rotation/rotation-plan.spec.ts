import { describe, expect, it } from '@jest/globals';
import { isRotationDue, rotationTerms } from '../../../../src/lifecycle/rotation/rotation-plan.ts';

const at = (iso: string): Date => new Date(iso);
const NOW = at('2026-06-01T00:00:00Z');
const OFF = { refreshBeforeExpirySeconds: 604_800, rotateSystemUsersDays: null };
const ON = { ...OFF, rotateSystemUsersDays: 90 };
const OLD = {
  kind: 'system_user',
  isRoot: true,
  issuedAt: at('2026-01-01T00:00:00Z'),
  storedAt: at('2026-05-01T00:00:00Z'),
  expiresAt: null,
  pending: null,
  rotationRequest: null,
} as const;
const pending = (origin: 'refresh' | 'rotation') => ({
  version: 2,
  sealed: null,
  expiresAt: null,
  scopes: null,
  origin,
});
const REQUEST = { dueAt: NOW, expires: null };

describe('a rotation is due', () => {
  it.each([
    ['by age if enabled', OLD, ON, true],
    ['not by age if disabled', OLD, OFF, false],
    ['not before', { ...OLD, issuedAt: at('2026-03-04T00:00:00Z') }, ON, false],
    ['not for a token that expires', { ...OLD, expiresAt: at('2026-07-01T00:00:00Z') }, ON, false],
    ['if requested, whatever the expiry', { ...OLD, expiresAt: NOW, rotationRequest: REQUEST }, OFF, true],
    ['if one is pending', { ...OLD, pending: pending('rotation') }, OFF, true],
    ['not while a refresh is pending', { ...OLD, pending: pending('refresh'), rotationRequest: REQUEST }, ON, false],
    ['never for other kinds', { ...OLD, kind: 'user', rotationRequest: REQUEST } as const, ON, false],
    ['never for credentials that are not roots', { ...OLD, isRoot: false, rotationRequest: REQUEST }, ON, false],
  ])('%s', (_, credential, settings, expected) => expect(isRotationDue(credential, settings, NOW)).toBe(expected));
});

describe('the terms of a rotation', () => {
  it('are those of the old token: no expiry stays none; requested ones are revoked at once', () => {
    expect(rotationTerms({ expiresAt: null, rotationRequest: null })).toEqual({
      mayExpire: false,
      waitsForLeases: true,
    });
    expect(rotationTerms({ expiresAt: null, rotationRequest: REQUEST })).toEqual({
      mayExpire: false,
      waitsForLeases: false,
    });
  });

  it('follow the old token unless requested otherwise', () => {
    const withEnd = { expiresAt: NOW, rotationRequest: { dueAt: NOW, expires: null } };
    expect(rotationTerms(withEnd).mayExpire).toBe(true);
    expect(rotationTerms({ ...withEnd, rotationRequest: { dueAt: NOW, expires: false } }).mayExpire).toBe(false);
    expect(rotationTerms({ expiresAt: null, rotationRequest: { dueAt: NOW, expires: true } }).mayExpire).toBe(true);
  });
});
