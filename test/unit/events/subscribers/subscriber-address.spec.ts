import type { lookup } from 'node:dns';
import { describe, expect, it } from '@jest/globals';
import { findUrlFault, isAllowedAddress } from '../../../../src/events/subscribers/subscriber-address.ts';
import { AddressRefusedError, createGuardedLookup } from '../../../../src/events/subscribers/subscriber-http-client.ts';

const PRODUCTION = { isProduction: true, hosts: null };
const DEVELOPMENT = { isProduction: false, hosts: null };
const LISTED = { isProduction: true, hosts: ['hooks.internal', '10.1.2.3', '[::1]', 'localhost'] };

const PRIVATE = [
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.0.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '64:ff9b::10.0.0.1',
  '64:ff9b:1::8.8.8.8',
  '2002:a00:1::',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fec0::1',
  'ff02::1',
];

describe('a URL', () => {
  it('must be https with a public host', () => {
    for (const url of ['https://app.example/hooks?x=1', 'https://8.8.8.8:8443/', 'https://[2606:4700::1111]/']) {
      expect(findUrlFault(url, PRODUCTION)).toBeNull();
    }
  });

  it('is refused for what it says itself', () => {
    for (const url of [
      'http://app.example/',
      'ftp://app.example/',
      'https://user@app.example/',
      'https://:x@app.example/',
      'https://app.example/#',
      '/hooks',
      'https://',
      'https://app.example/\u0000',
      'https://ex\u00e4mple.example/',
      `https://app.example/${'x'.repeat(2048)}`,
      'https://localhost/',
      'https://x.localhost/',
      'https://LOCALHOST./',
      'https://0x7f.1/',
      'https://2130706433/',
      'https://127.1/',
      ...PRIVATE.map((address) => `https://${address.includes(':') ? `[${address}]` : address}/`),
    ]) {
      expect([url, findUrlFault(url, PRODUCTION)]).toEqual([url, expect.any(String)]);
    }
  });

  it('may be plain http on loopback in development only, and no other private address', () => {
    for (const url of ['http://localhost:3000/', 'http://127.0.0.1/x', 'http://[::1]:80/', 'https://localhost/']) {
      expect([url, findUrlFault(url, DEVELOPMENT)]).toEqual([url, null]);
    }
    for (const url of ['http://app.example/', 'https://10.0.0.1/', 'http://169.254.169.254/', 'http://0.0.0.0/']) {
      expect([url, findUrlFault(url, DEVELOPMENT)]).toEqual([url, expect.any(String)]);
    }
  });

  it('must have a listed host if hosts are listed', () => {
    for (const url of [
      'https://hooks.internal/',
      'https://HOOKS.internal:8443/x',
      'https://10.1.2.3/',
      'http://localhost/',
      'http://[::1]/',
    ]) {
      expect([url, findUrlFault(url, LISTED)]).toEqual([url, null]);
    }
    for (const url of [
      'https://app.example/',
      'http://hooks.internal/',
      'https://x.hooks.internal/',
      'https://10.1.2.4/',
      'http://127.0.0.1/',
    ]) {
      expect([url, findUrlFault(url, LISTED)]).toEqual([url, expect.any(String)]);
    }
    expect(findUrlFault('http://hooks.internal/', { ...LISTED, isProduction: false })).toBeNull();
  });
});

describe('an address that a name resolves to', () => {
  it('must be public in any notation', () => {
    for (const address of PRIVATE) {
      expect([address, isAllowedAddress('app.example', address, PRODUCTION)]).toEqual([address, false]);
      // Someone else's name that resolves to this machine is not a loopback name.
      expect([address, isAllowedAddress('app.example', address, DEVELOPMENT)]).toEqual([address, false]);
    }
    for (const address of ['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8']) {
      expect([address, isAllowedAddress('app.example', address, PRODUCTION)]).toEqual([address, true]);
    }
    expect(isAllowedAddress('app.example', 'no address', PRODUCTION)).toBe(false);
  });

  it('may be private for a listed name, but never a metadata endpoint', () => {
    for (const address of ['10.0.0.1', '127.0.0.1', 'fc00::1', '100.64.0.1']) {
      expect([address, isAllowedAddress('hooks.internal', address, LISTED)]).toEqual([address, true]);
      expect([address, isAllowedAddress('app.example', address, LISTED)]).toEqual([address, false]);
    }
    for (const address of [
      '169.254.169.254',
      '169.254.0.1',
      'fd00:ec2::254',
      '100.100.100.200',
      'fe80::1',
      '0.0.0.0',
    ]) {
      expect([address, isAllowedAddress('hooks.internal', address, LISTED)]).toEqual([address, false]);
    }
  });
});

describe('resolving for a connection', () => {
  const answering = (...addresses: string[]) =>
    ((_: string, __: object, callback: (error: null, found: object[]) => void) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )) as unknown as typeof lookup;
  const resolve = (resolver: typeof lookup, all: boolean): Promise<unknown[]> =>
    new Promise((done) => {
      createGuardedLookup(PRODUCTION, resolver)('app.example', { all }, (...response: unknown[]) => done(response));
    });

  it('leaves out addresses that are not public', async () => {
    const mixed = answering('10.0.0.1', '8.8.8.8', '::1');
    expect(await resolve(mixed, true)).toEqual([null, [{ address: '8.8.8.8', family: 4 }]]);
    expect(await resolve(mixed, false)).toEqual([null, '8.8.8.8', 4]);
  });

  it('fails if nothing is left or nothing was found', async () => {
    expect((await resolve(answering('127.0.0.1'), true))[0]).toBeInstanceOf(AddressRefusedError);
    const failing = ((_: string, __: object, callback: (error: Error) => void) =>
      callback(new Error('ENOTFOUND'))) as unknown as typeof lookup;
    expect((await resolve(failing, true))[0]).toMatchObject({ message: 'ENOTFOUND' });
  });
});
