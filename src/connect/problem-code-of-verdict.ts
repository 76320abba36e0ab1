import type { MetaVerdict } from '../meta/errors/classify-error.ts';

/** Codes for Meta's refusals, by how certain the verdict is. */
interface RefusalCodes<C extends string> {
  /** The token may be dead. */
  suspect: C | 'meta_unavailable';
  dead: C;
  refused: C;
}

/** Returns the problem code of a failed call to Meta. */
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
