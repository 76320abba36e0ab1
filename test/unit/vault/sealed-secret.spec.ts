import fc from 'fast-check';
import { SystemRandom } from '../../../src/platform/random.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { DecryptionError, type Kek, open, rewrap, type SealedSecret, seal } from '../../../src/vault/sealed-secret.ts';

const random = new SystemRandom();
const kek = (id: Kek['id']): Kek => ({ id, key: random.bytes(32) });
const context = ['credential', 'tenant', 'con_1', 'crd_1', 'user', '1'];

function sealed(text: string, under: Kek): SealedSecret {
  return seal('sec_1', new SecretString(text), context, under, random);
}

describe('sealed secrets', () => {
  it('open to what was sealed', () => {
    const under = kek('kek_1');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 600 }), (text) => {
        expect(open(sealed(text, under), context, under).expose()).toBe(text);
      }),
    );
  });

  it('do not open if any bit of ciphertext or wrapped key is flipped', () => {
    const under = kek('kek_1');
    const whole = sealed('EAAtoken', under);
    for (const field of ['ciphertext', 'wrappedKey'] as const) {
      for (let bit = 0; bit < whole[field].length * 8; bit++) {
        const flipped = Buffer.from(whole[field]);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(() => open({ ...whole, [field]: flipped }, context, under)).toThrow(DecryptionError);
      }
    }
  });

  it('do not open if ciphertext or wrapped key is truncated or extended', () => {
    const under = kek('kek_1');
    const whole = sealed('EAAtoken', under);
    for (const field of ['ciphertext', 'wrappedKey'] as const) {
      for (let length = 0; length < whole[field].length; length++) {
        const cut = { ...whole, [field]: whole[field].subarray(0, length) };
        expect(() => open(cut, context, under)).toThrow(DecryptionError);
      }
      const longer = { ...whole, [field]: Buffer.concat([whole[field], Buffer.of(0)]) };
      expect(() => open(longer, context, under)).toThrow(DecryptionError);
    }
  });

  it('do not open under any other version byte of ciphertext or wrapped key', () => {
    const under = kek('kek_1');
    const whole = sealed('EAAtoken', under);
    for (const field of ['ciphertext', 'wrappedKey'] as const) {
      for (let version = 0; version < 256; version++) {
        if (version === whole[field][0]) continue;
        const other = Buffer.from(whole[field]);
        other.writeUInt8(version);
        expect(() => open({ ...whole, [field]: other }, context, under)).toThrow(DecryptionError);
      }
    }
  });

  it('do not open from random bytes', () => {
    const under = kek('kek_1');
    const whole = sealed('EAAtoken', under);
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.concat([Buffer.of(1), array]));
    fc.assert(
      fc.property(bytes, bytes, (ciphertext, wrappedKey) => {
        expect(() => open({ ...whole, ciphertext }, context, under)).toThrow(DecryptionError);
        expect(() => open({ ...whole, wrappedKey }, context, under)).toThrow(DecryptionError);
      }),
    );
  });

  it('open under the exact fields they were sealed under, and no others', () => {
    const under = kek('kek_1');
    // Few letters and short fields, so that lists with equal concatenations come up often.
    const fields = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\u0001', 'é'), maxLength: 3 }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fields, fields, (given, other) => {
        const whole = seal('sec_1', new SecretString('x'), given, under, random);
        expect(open(whole, given, under).expose()).toBe('x');
        if (JSON.stringify(given) !== JSON.stringify(other))
          expect(() => open(whole, other, under)).toThrow(DecryptionError);
      }),
      { numRuns: 300 },
    );
  });

  it('do not open if a boundary between two fields moved', () => {
    const under = kek('kek_1');
    const parts = fc.tuple(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), fc.string());
    fc.assert(
      fc.property(parts, ([head, middle, tail]) => {
        const whole = seal('sec_1', new SecretString('x'), [head + middle, tail], under, random);
        expect(() => open(whole, [head, middle + tail], under)).toThrow(DecryptionError);
        expect(() => open(whole, [head + middle + tail], under)).toThrow(DecryptionError);
        expect(() => open(whole, [head, middle, tail], under)).toThrow(DecryptionError);
      }),
    );
  });

  it('do not open if the boundary between their id and the first field moved', () => {
    const under = kek('kek_1');
    const whole = seal('sec_1', new SecretString('x'), ['2', 'c'], under, random);
    expect(() => open({ ...whole, id: 'sec_12' }, ['c'], under)).toThrow(DecryptionError);
    expect(() => open({ ...whole, id: 'sec_' }, ['12', 'c'], under)).toThrow(DecryptionError);
  });

  it('open under no other context, even if its concatenation is the same', () => {
    const under = kek('kek_1');
    const whole = seal('sec_1', new SecretString('x'), ['ab', 'c'], under, random);
    for (const other of [['a', 'bc'], ['abc'], ['ab', 'c', ''], ['', 'ab', 'c'], []]) {
      expect(() => open(whole, other, under)).toThrow(DecryptionError);
    }
  });

  it('open under no other key, id or KEK id', () => {
    const under = kek('kek_1');
    const whole = sealed('EAAtoken', under);
    expect(() => open(whole, context, kek('kek_1'))).toThrow(DecryptionError);
    expect(() => open(whole, context, { id: 'kek_2', key: under.key })).toThrow(DecryptionError);
    expect(() => open({ ...whole, kekId: 'kek_2' }, context, { id: 'kek_2', key: under.key })).toThrow(DecryptionError);
    expect(() => open({ ...whole, id: 'sec_2' }, context, under)).toThrow(DecryptionError);
  });

  it('never repeat: the same secret sealed twice shares neither nonce, data key nor ciphertext', () => {
    const under = kek('kek_1');
    const [a, b] = [sealed('EAAtoken', under), sealed('EAAtoken', under)];
    expect(a.ciphertext.equals(b.ciphertext)).toBe(false);
    expect(a.wrappedKey.equals(b.wrappedKey)).toBe(false);
    expect(() => open({ ...a, wrappedKey: b.wrappedKey }, context, under)).toThrow(DecryptionError);
  });

  it('move to another KEK without being opened, and then need that one', () => {
    const [from, to] = [kek('kek_1'), kek('kek_2')];
    const before = sealed('EAAtoken', from);
    const after = { ...before, ...rewrap(before, from, to, random) };
    expect(after.ciphertext).toBe(before.ciphertext);
    expect(open(after, context, to).expose()).toBe('EAAtoken');
    expect(() => open(after, context, from)).toThrow(DecryptionError);
  });
});
