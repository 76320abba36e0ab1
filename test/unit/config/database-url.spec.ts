import { describe, expect, it } from '@jest/globals';
import { DatabaseUrlError, describeDatabase, parseDatabaseUrl } from '../../../src/config/database-url.ts';

const hostsOf = (url: string): string[] => parseDatabaseUrl(url).hosts.map(({ host, port }) => `${host} ${port}`);

function faultOf(url: string): string {
  try {
    parseDatabaseUrl(url);
  } catch (error) {
    if (error instanceof DatabaseUrlError) return error.message;
    throw error;
  }
  return '';
}

describe('the hosts of a database URL', () => {
  it.each<[string, string[]]>([
    ['postgres://db', ['db 5432']],
    ['postgres:///d', ['localhost 5432']],
    ['postgresql://u:p@db:6432/d', ['db 6432']],
    ['postgres://u@a:1,b,c:3/d', ['a 1', 'b 5432', 'c 3']],
    ['postgres://[2001:db8::1]:5433,[::1]/d', ['2001:db8::1 5433', '::1 5432']],
    ['postgres://u@/d?host=/run/postgresql', ['/run/postgresql 5432']],
    ['postgres://u@%2Frun%2Fpostgresql/d', ['/run/postgresql 5432']],
    ['postgres:///d?host=a,b&port=1,2', ['a 1', 'b 2']],
    ['postgres:///d?host=a,b&port=7', ['a 7', 'b 7']],
  ])('%s: %j', (url, hosts) => {
    expect(hostsOf(url)).toEqual(hosts);
  });
});

describe('the rest of it', () => {
  it('is decoded', () => {
    expect(parseDatabaseUrl('postgres://a%40b:p%2F%3F%40%25@h/my%20d?options=-c%20search_path%3Dv')).toMatchObject({
      user: 'a@b',
      password: 'p/?@%',
      database: 'my d',
      options: '-c search_path=v',
    });
    expect(parseDatabaseUrl('postgres://u:p@ss@h/d').password).toBe('p@ss');
    expect(parseDatabaseUrl('postgres://h')).toMatchObject({ user: null, password: null, database: null, tls: null });
    expect(parseDatabaseUrl('postgres://h?user=u&password=p&dbname=d')).toMatchObject({
      user: 'u',
      password: 'p',
      database: 'd',
    });
  });

  it('asks for a server that takes writes where there are several, unless it says otherwise', () => {
    const needsWrites = (url: string): boolean => parseDatabaseUrl(url).needsWrites;
    expect(needsWrites('postgres://a/d')).toBe(false);
    expect(needsWrites('postgres://a/d?target_session_attrs=read-write')).toBe(true);
    expect(needsWrites('postgres://a/d?target_session_attrs=primary')).toBe(true);
    expect(needsWrites('postgres://a,b/d')).toBe(true);
    expect(needsWrites('postgres://a,b/d?target_session_attrs=any')).toBe(false);
  });

  it.each([
    ['sslmode=require', { mode: 'require', rootCertFile: null }],
    ['sslmode=require&sslrootcert=/ca', { mode: 'verify-ca', rootCertFile: '/ca' }],
    ['sslmode=verify-ca&sslrootcert=/ca', { mode: 'verify-ca', rootCertFile: '/ca' }],
    ['sslmode=verify-full&sslrootcert=system', { mode: 'verify-full', rootCertFile: null }],
    ['sslmode=verify-full&sslcert=/c&sslkey=/k', { mode: 'verify-full', certFile: '/c', keyFile: '/k' }],
    ['sslmode=disable', null],
  ])('understands %s as libpq does', (query, tls) => {
    const parsed = parseDatabaseUrl(`postgres://h/d?connect_timeout=3&keepalives_idle=1&${query}`).tls;
    if (tls === null) expect(parsed).toBeNull();
    else expect(parsed).toMatchObject(tls);
  });

  it('is described without the user and the password', () => {
    expect(describeDatabase(parseDatabaseUrl('postgres://u:secret@a,[::1]:1/d'))).toBe('a:5432,[::1]:1/d');
  });
});

describe('a URL that cannot be used', () => {
  it.each([
    'mysql://h/d',
    'postgres://h:0/d',
    'postgres://h:x/d',
    'postgres://h:65536/d',
    'postgres://u:50%@h/d',
    'postgres:///d?host=a,b,c&port=1,2',
    'postgres://h/d?ssl=true',
    'postgres://h/d?ssl_mode=verify-full',
    'postgres://h/d?sslmode=prefer',
    'postgres://h/d?sslmode=full',
    'postgres://h/d?sslmode=verify-ca',
    'postgres://h/d?sslrootcert=/ca',
    'postgres://h/d?sslmode=require&sslcert=/c',
    'postgres://h/d?target_session_attrs=standby',
  ])('%s', (url) => {
    expect(faultOf(url)).toMatch(/^(must|has) .*\.$/);
  });

  it('is never quoted with its password', () => {
    for (const url of [
      'postgres://u:hush?hush=1@h/d',
      'postgres://u:hush/hush@h/d',
      'postgres://u:hush%@h/d',
      'x://hush',
    ])
      expect(faultOf(url)).toMatch(/^(?!.*hush)(must|has) /);
  });
});
