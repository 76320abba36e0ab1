import { describe, expect, it } from '@jest/globals';
import { lifeOf, monthsOf, positionOf, windowAround } from '../../../console/src/pages/connection/credential-life.ts';

type Credential = Parameters<typeof lifeOf>[0];
type Entry = Parameters<typeof lifeOf>[1][number];

const NOW = new Date('2026-11-29T12:00:00.000Z');
const DAY_MS = 86_400_000;
const WINDOW = windowAround(NOW);
/** The instant this many days from now. */
const at = (days: number): string => new Date(NOW.getTime() + days * DAY_MS).toISOString();
/** Its position, in percent of 150 days. */
const position = (days: number): number => ((days + 90) * 100) / 150;

function credential(values: Partial<Credential> = {}): Credential {
  return {
    id: 'crd_1',
    kind: 'user',
    subject_id: '1',
    subject_name: null,
    version: 1,
    scopes: [],
    issued_at: at(-30),
    expires_at: at(30),
    refresh_after: null,
    last_refreshed_at: null,
    last_checked_at: null,
    health: 'healthy',
    failure: null,
    ...values,
  };
}

function entry(action: string, days: number, subject = 'crd_1'): Entry {
  const place = { tenant: 'acme', product: 'pages', connection_id: 'con_1', request_id: null };
  const actor = { kind: 'system', id: null } as const;
  return { id: `aud_${action}_${days}`, at: at(days), action, subject_id: subject, actor, details: {}, ...place };
}

const kindsOf = ({ marks }: ReturnType<typeof lifeOf>) => marks.map(({ kind }) => kind);

describe('the time line', () => {
  it('goes from 90 days ago to 60 days ahead', () => {
    expect(positionOf(NOW, WINDOW)).toBeCloseTo(60);
    expect(monthsOf(WINDOW)).toHaveLength(5);
  });
});

describe('the life of a token', () => {
  it('is told by its own fields where the record is silent', () => {
    const life = lifeOf(credential({ last_checked_at: at(-1) }), [], WINDOW);
    expect(kindsOf(life)).toEqual(['issued', 'inspected', 'expires']);
    expect(life.spans).toHaveLength(1);
    expect(life.spans[0]?.start).toBeCloseTo(position(-30));
    expect(life.spans[0]?.end).toBeCloseTo(position(30));
    expect(life.spans[0]).toMatchObject({ isCurrent: true, isCutAtStart: false, isCutAtEnd: false });
  });

  it('is one span for each token that served', () => {
    const entries = [
      entry('credential.granted', -80),
      entry('credential.refreshed', -50),
      entry('credential.refresh_failed', -21),
      entry('credential.refreshed', -20),
      entry('credential.refreshed', -10, 'crd_other'),
      entry('lease.issued', -5),
    ];
    const life = lifeOf(credential({ version: 3, last_refreshed_at: at(-20) }), entries, WINDOW);
    expect(kindsOf(life)).toEqual(['issued', 'renewed', 'failed', 'renewed', 'expires']);
    expect(life.spans.map(({ isCurrent }) => isCurrent)).toEqual([false, false, true]);
    expect(life.spans[1]?.start).toBeCloseTo(position(-50));
    expect(life.spans[1]?.end).toBeCloseTo(position(-20));
  });

  it('had another token before the first renewal that is still known', () => {
    const life = lifeOf(credential({ version: 7 }), [entry('credential.refreshed', -40)], WINDOW);
    expect(life.spans).toHaveLength(2);
    expect(life.spans[0]).toMatchObject({ start: 0, isCurrent: false, isCutAtStart: true });
    expect(life.spans[0]?.end).toBeCloseTo(position(-40));
  });

  it('reaches both ends where it began earlier and does not expire', () => {
    const { spans, marks } = lifeOf(credential({ issued_at: at(-200), expires_at: null }), [], WINDOW);
    expect(spans).toEqual([{ start: 0, end: 100, isCurrent: true, isCutAtStart: true, isCutAtEnd: true }]);
    expect(marks).toEqual([]);
  });

  it('is over where the token has expired', () => {
    const { spans } = lifeOf(credential({ expires_at: at(-10) }), [], WINDOW);
    expect(spans[0]?.end).toBeCloseTo(position(-10));
  });

  it('shows one mark for a moment that field and record tell of a little apart', () => {
    const life = lifeOf(
      credential({ last_checked_at: '2026-11-20T10:00:30.412Z' }),
      [{ ...entry('credential.checked', 0), at: '2026-11-20T10:00:30.398Z' }],
      WINDOW,
    );
    expect(kindsOf(life).filter((kind) => kind === 'inspected')).toHaveLength(1);
  });

  it('is known of a token whose beginning nobody told', () => {
    const { spans } = lifeOf(credential({ issued_at: null }), [], WINDOW);
    expect(spans[0]).toMatchObject({ start: 0, isCutAtStart: true });
  });
});
