import { Injectable } from '@nestjs/common';
import { Random } from '../../platform/random.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';

const BYTES = 32;

/** Generates the random values of connect links and states: 256 bits each, of which only keyed hashes are stored. */
@Injectable()
export class ConnectSecrets {
  constructor(
    private readonly random: Random,
    private readonly ring: KeyRing,
  ) {}

  make(): { value: string; hash: Buffer } {
    const value = this.random.bytes(BYTES).toString('base64url');
    return { value, hash: this.hash(value) };
  }

  hash(value: string): Buffer {
    return this.ring.blindIndex(value);
  }

  /** MAC of a public text, 32 bytes, separated by purpose. */
  mac(purpose: string, text: string): Buffer {
    return this.ring.blindIndex(`mac of a ${purpose} ${text}`);
  }
}
