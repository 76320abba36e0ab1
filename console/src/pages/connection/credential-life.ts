import type { components } from '../../../../clients/typescript/src/schema.ts';

type Credential = components['schemas']['CredentialResponse'];
type AuditEntry = components['schemas']['AuditEntryResponse'];

export type MarkKind = 'issued' | 'renewed' | 'rotated' | 'inspected' | 'failed' | 'expires';

/** Audit actions that mark events in a token's life. */
export const LIFE_ACTIONS = {
  'credential.granted': 'issued',
  'credential.refreshed': 'renewed',
  'credential.rotated': 'rotated',
  'credential.checked': 'inspected',
  'credential.refresh_failed': 'failed',
  'credential.rotation_failed': 'failed',
} as const satisfies Readonly<Record<string, MarkKind>>;

type LifeAction = keyof typeof LIFE_ACTIONS;

/** The range that the timeline shows; positions are a percentage of it. */
export interface TimeWindow {
  from: Date;
  to: Date;
}

export interface Mark {
  kind: MarkKind;
  /** ISO 8601 */
  at: string;
  position: number;
}

/** The life of one token version. */
interface Span {
  start: number;
  end: number;
  /** The token in use; the others were replaced. */
  isCurrent: boolean;
  /** It began before the window, or ends after it or never. */
  isCutAtStart: boolean;
  isCutAtEnd: boolean;
}

export interface CredentialLife {
  spans: Span[];
  marks: Mark[];
}

const BEGINS: readonly MarkKind[] = ['issued', 'renewed', 'rotated'];
const DAY_MS = 86_400_000;

/** The window around `now`: 90 days before, 60 days after. */
export function windowAround(now: Date): TimeWindow {
  return { from: new Date(now.getTime() - 90 * DAY_MS), to: new Date(now.getTime() + 60 * DAY_MS) };
}

/** The position of an instant in the window, in percent; less than 0 or more than 100 if outside. */
export function positionOf(at: Date, { from, to }: TimeWindow): number {
  return (100 * (at.getTime() - from.getTime())) / (to.getTime() - from.getTime());
}

/** The first of each month in the window, in the viewer's zone. */
export function monthsOf({ from, to }: TimeWindow): Date[] {
  const months: Date[] = [];
  for (
    let month = new Date(from.getFullYear(), from.getMonth() + 1, 1);
    month < to;
    month = new Date(month.getFullYear(), month.getMonth() + 1, 1)
  )
    months.push(month);
  return months;
}

/**
 * Places a credential's fields and its audit entries on the timeline. The record may be pruned or incomplete, so the
 * fields apply where it has no entry.
 */
export function lifeOf(credential: Credential, entries: readonly AuditEntry[], window: TimeWindow): CredentialLife {
  const marks = new Map<string, Mark>();
  const add = (kind: MarkKind, at: string | null): void => {
    if (at === null) return;
    // The entry and the field for the same moment differ by a few milliseconds.
    marks.set(`${kind} ${at.slice(0, 16)}`, { kind, at, position: positionOf(new Date(at), window) });
  };
  for (const { subject_id, action, at } of entries)
    if (subject_id === credential.id && isLifeAction(action)) add(LIFE_ACTIONS[action], at);
  const hasBegin = [...marks.values()].some(({ kind }) => BEGINS.includes(kind));
  if (!hasBegin) add('issued', credential.issued_at);
  if (credential.last_refreshed_at !== null && ![...marks.values()].some(({ kind }) => isRenewal(kind)))
    add('renewed', credential.last_refreshed_at);
  add('inspected', credential.last_checked_at);
  add('expires', credential.expires_at);
  const all = [...marks.values()].sort((a, b) => a.at.localeCompare(b.at));
  return { spans: spansOf(all), marks: all.filter(({ position }) => position >= 0 && position <= 100) };
}

/** Each token lives from its beginning to the next one's; the last one to its end, or forever. */
function spansOf(marks: readonly Mark[]): Span[] {
  const begins = marks.filter(({ kind }) => BEGINS.includes(kind)).map(({ position }) => position);
  const starts = begins.length === 0 ? [Number.NEGATIVE_INFINITY] : begins;
  const expires = marks.find(({ kind }) => kind === 'expires')?.position ?? Number.POSITIVE_INFINITY;
  const spans = starts.map((start, index) => {
    const isCurrent = index === starts.length - 1;
    const end = isCurrent ? Math.max(start, expires) : (starts[index + 1] ?? start);
    return {
      start: Math.max(start, 0),
      end: Math.min(end, 100),
      isCurrent,
      isCutAtStart: start < 0,
      isCutAtEnd: end > 100,
    };
  });
  // Before the first known renewal, another token was in use since before the window.
  const [first] = marks.filter(({ kind }) => BEGINS.includes(kind));
  const isRenewed = first !== undefined && first.kind !== 'issued' && first.position > 0;
  const earlier = { start: 0, end: Math.min(first?.position ?? 0, 100), isCurrent: false, isCutAtStart: true };
  const shown = isRenewed ? [{ ...earlier, isCutAtEnd: false }, ...spans] : spans;
  return shown.filter(({ start, end }) => end > start);
}

function isRenewal(kind: MarkKind): boolean {
  return kind === 'renewed' || kind === 'rotated';
}

function isLifeAction(action: string): action is LifeAction {
  return action in LIFE_ACTIONS;
}
