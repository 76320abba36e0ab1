import { useIdle } from '@mantine/hooks';

const INTERVAL_MS = 15_000;
const IDLE_AFTER_MS = 5 * 60_000;

/**
 * How often live figures are read again; false while the page is not in use, because its session could otherwise never
 * become idle. A hidden tab reads nothing.
 */
export function useLiveInterval(): number | false {
  const isIdle = useIdle(IDLE_AFTER_MS, { initialState: false });
  return isIdle ? false : INTERVAL_MS;
}
