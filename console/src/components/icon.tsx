/** Stroke paths on a 24 × 24 grid. */
const ICONS = {
  alert: 'M12 8v5m0 3.5v.01M10.3 4 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0Z',
  apps: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 17h6m-3-3v6',
  audit: 'M8 4H6a2 2 0 0 0-2 2v13a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V6a2 2 0 0 0-2-2h-2M9 2.5h6v4H9zM8 12h8M8 16h5',
  back: 'm14 6-6 6 6 6',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  chevronDown: 'm7 10 5 5 5-5',
  clients:
    'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM2.5 21v-1.5a5 5 0 0 1 5-5h3a5 5 0 0 1 5 5V21M16 3.3a4 4 0 0 1 0 7.4M21.5 21v-1.5a5 5 0 0 0-3.5-4.7',
  close: 'm6 6 12 12M18 6 6 18',
  connections: 'm9.5 14.5 5-5M11 6.5l.8-.9a5 5 0 0 1 7.1 7.1l-.9.8M13 17.5l-.8.9a5 5 0 0 1-7.1-7.1l.9-.8',
  copy: 'M9 9h10.5v11H9zM5.5 15H4.5V4H15v1.5',
  doctor: 'M3 12h4l2.5-6 4 12 2.5-6h5',
  download: 'M12 4v11m-4.5-4.5L12 15l4.5-4.5M4.5 20h15',
  keys: 'M14.5 9.5a5 5 0 1 0-4.7 3.4L12 15h2v2h2v2h3v-3.2l-5-5c.3-.4.5-.9.5-1.3ZM8 8v.01',
  language: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3.5 9h17M3.5 15h17M12 3c-5 6-5 12 0 18M12 3c5 6 5 12 0 18',
  leases: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3.5 2',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z',
  more: 'M5 12v.01M12 12v.01M19 12v.01',
  overview: 'M4 20V10m5.3 10V4m5.4 16v-7M20 20V8',
  plus: 'M12 5v14M5 12h14',
  qr: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.5v2.5H14zM18 18h2v2h-2z',
  refresh: 'M20 11a8 8 0 0 0-14.5-3.5L4 9m0-5v5h5M4 13a8 8 0 0 0 14.5 3.5L20 15m0 5v-5h-5',
  revoke: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM5.7 5.7l12.6 12.6',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm5-1.5L20 20',
  sessions: 'M3 5h18v11H3zM8 20h8m-4-4v4',
  settings:
    'M4 7h9m4 0h3M4 17h3m4 0h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z',
  signOut: 'M14 7V5a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h6a2 2 0 0 0 2-2v-2M9 12h12m-3.5-3.5L21 12l-3.5 3.5',
  subscriptions: 'M6 9a6 6 0 1 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9ZM10 20a2.2 2.2 0 0 0 4 0',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5v2m0 15v2M2.5 12h2m15 0h2M5.3 5.3l1.4 1.4m10.6 10.6 1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
} as const;

export type IconName = keyof typeof ICONS;

/** Decorative: its meaning must be given in the text next to it or in its button's label. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === 'more' ? 3 : 1.75}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={ICONS[name]} />
    </svg>
  );
}
