import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { csvLine } from '../../../console/src/csv.ts';

/** Reads one line according to RFC 4180. */
function readLine(line: string): string[] {
  const cells: string[] = [];
  let rest = line.replace(/\r\n$/, '');
  for (;;) {
    const [all = '', quoted, plain = ''] = /^(?:"((?:[^"]|"")*)"|([^,]*))/.exec(rest) ?? [];
    cells.push(quoted?.replaceAll('""', '"') ?? plain);
    if (all.length === rest.length) return cells;
    rest = rest.slice(all.length + 1);
  }
}

describe('a line of CSV', () => {
  it('quotes what would end a cell', () => {
    expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', null, 5])).toBe('a,"b,c","d""e","f\ng",,5\r\n');
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', '＋1', '－1', '＠x'])(
    'keeps %j from being a formula',
    (text) => {
      expect(readLine(csvLine([text]))).toEqual([`'${text}`]);
    },
  );

  it('gives back what was put in, and begins no cell like a formula', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('=1', '"', ',', '\r\n', '')), { minLength: 1, maxLength: 5 }),
        (cells) => {
          const read = readLine(csvLine(cells));
          expect(read.map((cell, index) => (cells[index] === cell ? cell : cell.slice(1)))).toEqual(cells);
          expect(read.filter((cell) => /^[=+\-@\t\r\n]/.test(cell))).toEqual([]);
        },
      ),
    );
  });
});
