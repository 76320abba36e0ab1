import { useLanguage } from '../messages/use-messages.tsx';
import { formatDate, formatInstant, formatRelative, formatUtc } from '../time-format.ts';

type Form = 'instant' | 'date' | 'relative';

/** An instant in the viewer's zone, with UTC on hover. `at` is ISO 8601; null shows `otherwise`. */
export function Time(props: { at: string | null | undefined; form?: Form; otherwise?: string }) {
  const { locale, messages } = useLanguage();
  const { at, form = 'instant', otherwise = messages.frame.time.none } = props;
  if (at === null || at === undefined) return <span>{otherwise}</span>;
  const instant = new Date(at);
  const title = form === 'relative' ? `${formatInstant(instant, locale)} · ${formatUtc(instant)}` : formatUtc(instant);
  return (
    <time dateTime={at} title={title}>
      {form === 'date' && formatDate(instant, locale)}
      {form === 'instant' && formatInstant(instant, locale)}
      {form === 'relative' && formatRelative(instant, new Date(), locale)}
    </time>
  );
}
