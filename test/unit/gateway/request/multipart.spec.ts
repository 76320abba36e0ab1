import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../../../src/gateway/gateway-error.ts';
import {
  MultipartStreamValidator,
  readBoundary,
  readFormHead,
  writeFields,
} from '../../../../src/gateway/request/multipart.ts';
import { validatedBody } from '../../../../src/gateway/request/validated-body.ts';

const BOUNDARY = '----WebKitFormBoundaryAbC123';
const field = (name: string, value: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (name: string, value: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n${value}\r\n`;
const END = `--${BOUNDARY}--\r\n`;

async function* chunks(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function roundTrip(text: string, size: number) {
  const source = Readable.from(chunks(text, size), { objectMode: false });
  const head = await readFormHead(source.iterator({ destroyOnReturn: false }), BOUNDARY);
  const validator = new MultipartStreamValidator(BOUNDARY);
  validator.push(head.rest);
  const rest: Buffer[] = [];
  for await (const chunk of validatedBody(source, head.rest, validator)) rest.push(chunk);
  return { head, whole: Buffer.concat([writeFields(head.fields, BOUNDARY), ...rest]).toString('utf8') };
}

describe('readBoundary', () => {
  it.each([
    [`multipart/form-data; boundary=${BOUNDARY}`, BOUNDARY],
    ['multipart/form-data; boundary="a b"', 'a b'],
    ['Multipart/Form-Data;charset=utf-8;  BOUNDARY=x', 'x'],
  ])('reads %s', (contentType, boundary) => expect(readBoundary(contentType)).toBe(boundary));

  it.each([
    'multipart/form-data',
    'multipart/mixed; boundary=a',
    'multipart/form-data; boundary=a; boundary=b',
    'multipart/form-data; boundary=a; boundary*=b',
    'multipart/form-data; xboundary=a',
  ])('refuses %s', (contentType) => expect(() => readBoundary(contentType)).toThrow(GatewayError));
});

describe('readFormHead', () => {
  it('gives a form back byte by byte, however it was cut', async () => {
    const text = `${field('caption', 'hé\r\nllo')}${field('n', '')}${file('source', `x\r\n--${BOUNDARY.slice(0, 9)}y`)}${field('after', 'z')}${END}`;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 400 }), async (size) => {
        const { head, whole } = await roundTrip(text, size);
        expect(head.fields.map(({ name, value }) => [name, value.toString()])).toEqual([
          ['caption', 'hé\r\nllo'],
          ['n', ''],
        ]);
        expect(whole).toBe(text);
        expect(head.length).toBe(Buffer.byteLength(field('caption', 'hé\r\nllo') + field('n', '')));
      }),
    );
  });

  it('reads a form of fields only', async () => {
    const { head, whole } = await roundTrip(field('a', 'b') + END, 7);
    expect(head.fields).toHaveLength(1);
    expect(whole).toBe(field('a', 'b') + END);
  });

  it.each([
    'access_token',
    'method',
    'batch',
    'appsecret_proof',
    'Method',
    'access.token',
    'batch[0]',
    'asyncbatch',
    'fields',
    'id',
    'ids[0]',
  ])('stops where a field behind a file would decide: %s', async (name) => {
    for (const size of [1, 13, 1000]) {
      await expect(roundTrip(file('f', 'x') + field(name, 'y') + END, size)).rejects.toThrow(/before the first file/);
    }
  });

  it.each([
    ['no delimiter', 'hello'],
    ['an end that never comes', field('a', 'b')],
    [
      'two dispositions',
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="method"\r\n\r\nx\r\n${END}`,
    ],
    ['two names', `--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"; name="method"\r\n\r\nx\r\n${END}`],
    ['an extended name', `--${BOUNDARY}\r\nContent-Disposition: form-data; name*=utf-8''method\r\n\r\nx\r\n${END}`],
    ['a folded header', `--${BOUNDARY}\r\nContent-Disposition: form-data;\r\n name="method"\r\n\r\nx\r\n${END}`],
    ['a name without quotes', `--${BOUNDARY}\r\nContent-Disposition: form-data; name=method\r\n\r\nx\r\n${END}`],
    ['a deciding file', file('method', 'x') + END],
    ['a delimiter without its line break', `${field('a', `x\n--${BOUNDARY}\r\n`)}${END}`],
    [
      'the same behind a file',
      `${file('a', `x\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="method"\r\n\r\ndelete`)}${END}`,
    ],
  ])('refuses %s', async (_, text) => {
    await expect(roundTrip(text, 50)).rejects.toThrow(GatewayError);
  });

  it('refuses more than 1 MiB of fields', async () => {
    await expect(roundTrip(field('a', 'x'.repeat(1_100_000)) + END, 60_000)).rejects.toThrow(/1 MiB/);
  });
});
