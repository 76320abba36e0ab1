import fc from 'fast-check';
import { SystemRandom } from '../../../src/platform/random.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { type Kek, open, rewrap, SealBroken, type SealedSecret, seal } from '../../../src/vault/sealed-secret.ts';

const random = new SystemRandom();
const kek = (id: string): Kek => ({ id, key: random.bytes(32) });
const context = ['credential', 'tenant', 'con_1', 'crd_1', 'user', '1'];

function sealed(text: string, under: Kek): SealedSecret {
  return seal('sec_1', new SecretString(text), context, under, random);
}

describe('sealed secrets', () => {
  it('open to what was sealed, whatever it is', () => {
    const under = kek('kek_1');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 600 }), (text) => {
        expect(open(sealed(text, under), context, under).expose()).toBe(text);
      }),
    );
  });

  it('break at every flipped bit of the token and of the wrapped key', () => {
    const under = kek('kek_1');
    const whole = sealed('EAAtoken', under);
    for (const field of ['ciphertext', 'wrappedKey'] as const) {
      for (let bit = 0; bit < whole[field].length * 8; bit++) {
        const flipped = Buffer.from(whole[field]);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(() => open({ ...whole, [field]: flipped }, context, under)).toThrow(SealBroken);
      }
    }
  });

  it('break at every truncation', () => {
    const under = kek('kek_1');
    const whole = sealed('EAAtoken', under);
    for (let length = 0; length < whole.ciphertext.length; length++) {
      const cut = { ...whole, ciphertext: whole.ciphertext.subarray(0, length) };
      expect(() => open(cut, context, under)).toThrow(SealBroken);
    }
  });

  it('open under no other context, also where fields run together the same', () => {
    const under = kek('kek_1');
    const whole = seal('sec_1', new SecretString('x'), ['ab', 'c'], under, random);
    for (const other of [['a', 'bc'], ['abc'], ['ab', 'c', ''], ['', 'ab', 'c'], []]) {
      expect(() => open(whole, other, under)).toThrow(SealBroken);
    }
  });

  it('open under no other key, id or key id', () => {
    const under = kek('kek_1');
    const whole = sealed('EAAtoken', under);
    expect(() => open(whole, context, kek('kek_1'))).toThrow(SealBroken);
    expect(() => open(whole, context, { id: 'kek_2', key: under.key })).toThrow(SealBroken);
    expect(() => open({ ...whole, kekId: 'kek_2' }, context, { id: 'kek_2', key: under.key })).toThrow(SealBroken);
    expect(() => open({ ...whole, id: 'sec_2' }, context, under)).toThrow(SealBroken);
  });

  it('never repeat: the same secret sealed twice shares neither nonce, data key nor ciphertext', () => {
    const under = kek('kek_1');
    const [a, b] = [sealed('EAAtoken', under), sealed('EAAtoken', under)];
    expect(a.ciphertext.equals(b.ciphertext)).toBe(false);
    expect(a.wrappedKey.equals(b.wrappedKey)).toBe(false);
    expect(() => open({ ...a, wrappedKey: b.wrappedKey }, context, under)).toThrow(SealBroken);
  });

  it('move to another key without being opened, and then need that key', () => {
    const [from, to] = [kek('kek_1'), kek('kek_2')];
    const before = sealed('EAAtoken', from);
    const after = { ...before, ...rewrap(before, from, to, random) };
    expect(after.ciphertext).toBe(before.ciphertext);
    expect(open(after, context, to).expose()).toBe('EAAtoken');
    expect(() => open(after, context, from)).toThrow(SealBroken);
  });
});
