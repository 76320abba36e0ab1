import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { brandStyle, contrast } from '../../../src/customer-pages/brand-style.ts';

const color = fc
  .tuple(...[0, 1, 2].map(() => fc.integer({ min: 0, max: 255 })))
  .map((channels) => `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`);
const long = (value = ''): string => (value.length === 4 ? `#${value.slice(1).replaceAll(/./g, '$&$&')}` : value);
const colorIn = (css: string, name: string): string => long(new RegExp(`--${name}:(#[0-9a-f]+)`).exec(css)?.[1]);

describe('the style of a brand', () => {
  it('has the default color, or the given one, with readable text', () => {
    expect(brandStyle(null)).toBe(
      ':root{--brand:#0064d1;--on-brand:#fff;--edge-on-light:#0064d1;--edge-on-dark:#0064d1}',
    );
    expect(brandStyle('#ffd400')).toBe(
      ':root{--brand:#ffd400;--on-brand:#000;--edge-on-light:#1c1e21;--edge-on-dark:#ffd400}',
    );
  });

  it('is readable and stands out in light and dark, whatever the color (WCAG 2.2, 1.4.3 and 1.4.11)', () => {
    fc.assert(
      fc.property(color, (brand) => {
        const css = brandStyle(brand);
        expect(contrast(brand, colorIn(css, 'on-brand'))).toBeGreaterThanOrEqual(4.5);
        expect(contrast(colorIn(css, 'edge-on-light'), '#ffffff')).toBeGreaterThanOrEqual(3);
        expect(contrast(colorIn(css, 'edge-on-dark'), '#18191a')).toBeGreaterThanOrEqual(3);
      }),
    );
  });

  it('measures contrast as WCAG does', () => {
    expect(contrast('#000000', '#ffffff')).toBe(21);
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  });
});
