/** A terminal that shows progress. */
export interface ProgressTerminal {
  write(text: string): unknown;
}

/** Progress of long work. `done` and `total` count the same unit. */
export interface Progress {
  /** The first call starts the clock; what was done before it does not count toward the rate. */
  show(done: number, total: number): void;
  /** Replaces the bar with a summary line. */
  end(): void;
}

const BAR_WIDTH = 30;
const REDRAW_MS = 100;
const CLEAR_LINE = '\r\u001b[K';

/**
 * Draws a bar with the rate and the time left, then a line with the totals. Silent without a terminal: standard error
 * piped, or `--json`. `verb` as in "Importing".
 */
export function createProgress(
  terminal: ProgressTerminal | null,
  verb: string,
  nowMs: () => number = () => performance.now(),
): Progress {
  if (terminal === null) return { show: () => undefined, end: () => undefined };
  let first: { done: number; atMs: number } | null = null;
  let last = { done: 0, total: 0 };
  let drawnMs = Number.NEGATIVE_INFINITY;
  return {
    show: (done, total) => {
      first ??= { done, atMs: nowMs() };
      last = { done, total };
      if (total === 0) return;
      if (done < total && nowMs() - drawnMs < REDRAW_MS) return;
      drawnMs = nowMs();
      const share = Math.min(1, done / total);
      const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
      const estimate = describeEstimate(done - first.done, total - done, drawnMs - first.atMs);
      terminal.write(`${CLEAR_LINE}${verb} ${bar} ${formatCount(done)} of ${formatCount(total)}${estimate}`);
    },
    end: () => {
      if (first === null || last.total === 0) return;
      const elapsedMs = nowMs() - first.atMs;
      const rate = formatRate(last.done - first.done, elapsedMs);
      const counts = `${formatCount(last.done)} of ${formatCount(last.total)}`;
      terminal.write(`${CLEAR_LINE}${verb}: ${counts} in ${formatDuration(elapsedMs)} (${rate})\n`);
    },
  };
}

/** Empty until something was done: no rate is known yet. */
function describeEstimate(done: number, left: number, elapsedMs: number): string {
  if (done <= 0 || elapsedMs <= 0) return '';
  return ` (${formatRate(done, elapsedMs)}, ${formatDuration((left * elapsedMs) / done)} left)`;
}

function formatRate(done: number, elapsedMs: number): string {
  const perSecond = elapsedMs <= 0 ? 0 : (1000 * done) / elapsedMs;
  return `${perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond))}/s`;
}

function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
