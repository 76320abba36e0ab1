const DEFAULT_COLOR = '#0064d1';
/** The pages' backgrounds and text, as in `customer-pages/page.css`. */
const LIGHT = { background: '#ffffff', text: '#1c1e21' };
const DARK = { background: '#18191a', text: '#e4e6eb' };
/** WCAG 2.2, success criterion 1.4.11: what a button needs to stand out from the page. */
const MIN_EDGE_CONTRAST = 3;

/**
 * Returns CSS that sets the color of buttons, with text on it in black or white, whichever contrasts more: at least
 * 4.5 to 1 for every color. A color too close to the page's background gets an edge in the color of the text.
 */
export function brandStyle(color: string | null): string {
  const brand = color ?? DEFAULT_COLOR;
  const onBrand = contrast(brand, '#ffffff') >= contrast(brand, '#000000') ? '#fff' : '#000';
  const edgeOn = ({ background, text }: typeof LIGHT): string =>
    contrast(brand, background) >= MIN_EDGE_CONTRAST ? brand : text;
  return `:root{--brand:${brand};--on-brand:${onBrand};--edge-on-light:${edgeOn(LIGHT)};--edge-on-dark:${edgeOn(DARK)}}`;
}

/** Contrast ratio of two colors `#rrggbb`, 1 to 21 (WCAG 2.2). */
export function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
