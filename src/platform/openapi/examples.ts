/** An instant for examples in the API document. */
const EXAMPLE_INSTANT = '2026-11-28T09:30:00.000Z';
export const LATER_EXAMPLE_INSTANT = '2027-01-27T09:30:00.000Z';

/** Returns an id for examples in the API document, such as `con_01k…`. */
export function exampleId(prefix: string): string {
  return `${prefix}_01k7gm2v9s8x4d0c6b5a3n1f2e`;
}

/** Options of `ApiProperty` for an instant. */
export const INSTANT = { type: String, format: 'date-time', example: EXAMPLE_INSTANT } as const;
export const INSTANT_OR_NULL = { ...INSTANT, nullable: true } as const;
