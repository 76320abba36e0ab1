import { describe, expect, it } from '@jest/globals';
import { checkReturnUrl, withResult } from '../../../../src/connect/sessions/return-url.ts';

const ORIGINS = ['https://app.example', 'http://localhost:8080'];

describe('checkReturnUrl', () => {
  it.each([
    'https://app.example',
    'https://app.example/a/b?c=d',
    'http://localhost:8080/x',
    'https://APP.example:443/',
  ])('accepts %s', (value) => {
    expect(checkReturnUrl(value, ORIGINS)).toEqual({ url: new URL(value).href });
  });

  it.each([
    '',
    'app.example',
    '/done',
    '//app.example/',
    'javascript:alert(1)//https://app.example/',
    'data:text/html,x',
    'ftp://app.example/',
    'http://app.example/',
    'https://app.example:8443/',
    'https://app.example.evil.example/',
    'https://evil.example/https://app.example/',
    'https://app.example@evil.example/',
    'https://app.example\\@evil.example/',
    ' https://app.example/',
    'https://app.example/\n',
    'https://u:p@app.example/',
    'https://app.example/#',
    'https://app.example/?status=connected',
    'https://app.example/?connection_id=con_1',
    `https://app.example/${'x'.repeat(2048)}`,
  ])('rejects %j', (value) => {
    expect(checkReturnUrl(value, ORIGINS)).toHaveProperty('fault');
  });

  it('accepts nothing if no origin is allowed', () => {
    expect(checkReturnUrl('https://app.example/', [])).toHaveProperty('fault');
  });
});

describe('withResult', () => {
  it.each([
    ['https://a.example/', 'https://a.example/?status=connected&connection_id=con_1'],
    ['https://a.example/?', 'https://a.example/?status=connected&connection_id=con_1'],
    ['https://a.example/?x=%2F+1', 'https://a.example/?x=%2F+1&status=connected&connection_id=con_1'],
    ['https://a.example/?x&', 'https://a.example/?x&status=connected&connection_id=con_1'],
  ])('adds to %s', (url, expected) => {
    expect(withResult(url, { connectionId: 'con_1' })).toBe(expected);
  });

  it('includes the error', () => {
    expect(withResult('https://a.example/x', { error: 'access_denied' })).toBe(
      'https://a.example/x?status=error&error=access_denied',
    );
  });
});
