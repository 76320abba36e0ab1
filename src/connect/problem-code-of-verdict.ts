import type { MetaVerdict } from '../meta/errors/classify-error.ts';

/** The codes where Meta refused what it was given, by how certain its verdict is. */
interface RefusalCodes<C extends string> {
  /** Perhaps the token is dead. */
  suspect: C | 'meta_unavailable';
  dead: C;
  refused: C;
}

/** The code of the problem that a failed call to Meta is for whoever waits for it. */
export function problemCodeOf<C extends string>(
  { kind }: MetaVerdict,
  codes: RefusalCodes<C>,
): C | 'meta_configuration' | 'meta_unavailable' {
  switch (kind) {
    case 'transient':
    case 'throttled':
      return 'meta_unavailable';
    case 'configuration':
      return 'meta_configuration';
    case 'suspect':
      return codes.suspect;
    case 'dead':
      return codes.dead;
    case 'code_rejected':
    case 'permission':
    case 'parameter':
    case 'blocked':
      return codes.refused;
  }
}
