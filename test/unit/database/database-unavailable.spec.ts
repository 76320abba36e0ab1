import { describe, expect, it } from '@jest/globals';
import { isConnectionLost, isDatabaseTrouble } from '../../../src/database/database-unavailable.ts';

const withCode = (code: string): Error => Object.assign(new Error('said by the server'), { code });

describe('trouble of the database', () => {
  it.each([
    ['08006', true],
    ['57P01', true],
    ['57P03', true],
    ['53100', false],
    ['53300', false],
    ['57014', false],
    ['58030', false],
    ['25006', true],
    ['28P01', false],
    ['3D000', false],
    ['ECONNREFUSED', true],
    ['ECONNRESET', true],
    ['ENOTFOUND', true],
  ])('is %s; the connection is lost: %s', (code, isLost) => {
    expect([isDatabaseTrouble(withCode(code)), isConnectionLost(withCode(code))]).toEqual([true, isLost]);
  });

  it.each([
    'Query read timeout',
    'timeout exceeded when trying to connect',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Client has encountered a connection error and is not queryable',
  ])('is "%s", which pg gives no code', (message) => {
    expect([isDatabaseTrouble(new Error(message)), isConnectionLost(new Error(message))]).toEqual([true, true]);
  });

  it('is recognized inside an error of TypeORM', () => {
    expect(isDatabaseTrouble(Object.assign(new Error(), { driverError: withCode('57P01') }))).toBe(true);
  });

  it.each(['23505', '40001', '40P01', '42P01', '42501', '22P02', '55P03', 'XX000', 'ERR_SOMETHING'])(
    'is not %s, which is about the statement',
    (code) => {
      expect([isDatabaseTrouble(withCode(code)), isConnectionLost(withCode(code))]).toEqual([false, false]);
    },
  );

  it.each([undefined, null, 'text', new Error('anything else')])('is not %s', (error) => {
    expect(isDatabaseTrouble(error)).toBe(false);
  });
});
