import { Text } from '@mantine/core';
import type { Credential } from '../../components/connection-summary.ts';
import { HealthBadge } from '../../components/status-badge.tsx';
import { Time } from '../../components/time.tsx';
import { fill } from '../../messages/messages.ts';
import { useLanguage, useMessages } from '../../messages/use-messages.tsx';
import { formatDate, formatInstant, formatUtc } from '../../time-format.ts';
import type { CredentialLife, Mark } from './credential-life.ts';

/** One token's line: its name, its lifetimes, and its health. */
export function CredentialTrack(props: { credential: Credential; life: CredentialLife; now: number }) {
  const { locale, messages } = useLanguage();
  const { timeline: words } = messages.connection;
  const { credential, life } = props;
  const name = credential.subject_name ?? credential.subject_id;
  const textOf = ({ kind, at }: Mark): string => {
    const instant = new Date(at);
    return `${words[kind]} ${formatInstant(instant, locale)} (${formatUtc(instant)})`;
  };
  const summary = life.marks.map(({ kind, at }) => `${words[kind]} ${formatDate(new Date(at), locale)}`).join(', ');
  return (
    <div className="timeline-row">
      <div className="timeline-name">
        <Text size="sm" fw={550} truncate title={name}>
          {name}
        </Text>
        <Text size="xs" c="dimmed">
          {messages.terms.tokenKinds[credential.kind]} · {fill(words.version, { version: credential.version })}
        </Text>
      </div>
      <div className="timeline-track" role="img" aria-label={fill(words.chart, { name, summary })}>
        {life.spans.map((span) => (
          <span
            key={`${span.start}`}
            className="timeline-span"
            data-current={span.isCurrent || undefined}
            data-health={span.isCurrent ? credential.health : undefined}
            data-cut-start={span.isCutAtStart || undefined}
            data-cut-end={span.isCutAtEnd || undefined}
            style={{ left: `${span.start}%`, width: `${span.end - span.start}%` }}
          />
        ))}
        <span className="timeline-now" style={{ left: `${props.now}%` }} />
        {life.marks.map((mark) => (
          <span
            key={`${mark.kind} ${mark.at}`}
            className="timeline-mark"
            data-kind={mark.kind}
            title={textOf(mark)}
            style={{ left: `${mark.position}%` }}
          />
        ))}
      </div>
      <div className="timeline-state">
        <HealthBadge health={credential.health} />
        <Text size="xs" c="dimmed" component="div">
          <ExpiryText credential={credential} />
        </Text>
      </div>
      <FailureText credential={credential} />
    </div>
  );
}

function ExpiryText({ credential }: { credential: Credential }) {
  const { timeline: words } = useMessages().connection;
  if (credential.expires_at === null) return words.neverExpires;
  return (
    <>
      {words.expires} <Time at={credential.expires_at} form="relative" />
    </>
  );
}

/** Why the last operation on the token failed, and when it is attempted again. */
function FailureText({ credential: { failure } }: { credential: Credential }) {
  const { locale, messages } = useLanguage();
  const { timeline: words } = messages.connection;
  if (failure === null) return null;
  const next = failure.next_attempt_at;
  return (
    <Text size="xs" className="timeline-failure">
      <span className="id-text">{failure.code}</span>: <span lang="en">{failure.detail}</span>{' '}
      {failure.attempts > 0 && `${fill(words.attempts, { count: failure.attempts })}. `}
      {next !== null && fill(words.nextAttempt, { time: formatInstant(new Date(next), locale) })}
    </Text>
  );
}
