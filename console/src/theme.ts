import {
  Alert,
  Badge,
  Button,
  type CSSVariablesResolver,
  createTheme,
  DEFAULT_THEME,
  Modal,
  Paper,
} from '@mantine/core';

const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';

export const THEME = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 8 },
  defaultRadius: 'md',
  fontFamily: SANS,
  fontFamilyMonospace: MONO,
  headings: { fontFamily: SANS, fontWeight: '650' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: Button.extend({ defaultProps: { size: 'sm', fw: 500 } }),
    Badge: Badge.extend({ defaultProps: { variant: 'dot', tt: 'none', fw: 500 } }),
    Modal: Modal.extend({ defaultProps: { centered: true, padding: 'lg', overlayProps: { blur: 2 } } }),
    Paper: Paper.extend({ defaultProps: { withBorder: true, radius: 'lg' } }),
    Alert: Alert.extend({ defaultProps: { radius: 'lg' } }),
  },
});

/** Mantine's own shades of dimmed and tinted text have too little contrast for WCAG 2.2 AA (4.5 to 1). */
export const cssVariables: CSSVariablesResolver = () => {
  const tinted = Object.keys(DEFAULT_THEME.colors).map((color) => [
    `--mantine-color-${color}-light-color`,
    `var(--mantine-color-${color}-9)`,
  ]);
  return {
    variables: {},
    light: {
      ...Object.fromEntries(tinted),
      '--mantine-color-dimmed': 'var(--mantine-color-gray-7)',
      '--mantine-color-placeholder': 'var(--mantine-color-gray-6)',
      '--mantine-color-error': 'var(--mantine-color-red-9)',
      '--mantine-color-body': '#f8f9fb',
      '--mantine-color-text': '#1d2026',
      '--console-surface': '#ffffff',
      '--console-line': 'var(--mantine-color-gray-3)',
    },
    dark: {
      '--mantine-color-dimmed': 'var(--mantine-color-dark-1)',
      '--mantine-color-placeholder': 'var(--mantine-color-dark-2)',
      '--mantine-color-error': 'var(--mantine-color-red-4)',
      '--mantine-color-body': '#16171a',
      '--mantine-color-text': '#d9dade',
      '--console-surface': '#1f2024',
      '--console-line': 'var(--mantine-color-dark-4)',
    },
  };
};
