import { Button, Code, Group, Loader, Modal, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { useChange } from '../../api/use-change.ts';
import { Facts } from '../../components/facts.tsx';
import { IdText } from '../../components/id-text.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Time } from '../../components/time.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

type Delivery = Schemas['DeliveryResponse'];

/** One delivery: the receiver's response, and the event it gets. */
export function DeliveryDialog({ delivery, onClose }: { delivery: Delivery; onClose: () => void }) {
  const { subscriptions: words, frame } = useMessages();
  const { id } = delivery;
  const event = useQuery({
    queryKey: ['deliveries', id, 'event'],
    queryFn: ({ signal }) => unwrap(api.GET('/v1/deliveries/{id}/event', { params: { path: { id } }, signal })),
  });
  const replay = useChange(() => unwrap(api.POST('/v1/deliveries/{id}/replay', { params: { path: { id } } })), {
    changes: [['subscriptions']],
    done: () => words.replayed,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={delivery.type}
      size="lg"
      closeButtonProps={{ 'aria-label': frame.actions.close }}
    >
      <Stack>
        <Facts
          facts={[
            [words.event, <IdText key="event" id={delivery.event_id} />],
            [words.state, words.deliveryStates[delivery.status]],
            [words.answer, answerOf(delivery)],
            [words.attempts, delivery.attempts],
            [words.lastAttempt, <Time key="last" at={delivery.last_attempt_at} />],
            [words.nextAttempt, delivery.next_attempt_at && <Time key="next" at={delivery.next_attempt_at} />],
          ]}
        />
        <Text size="sm" fw={550}>
          {words.payload}
        </Text>
        {event.isPending && <Loader size="sm" aria-label={frame.list.loading} />}
        <ProblemNotice error={event.error} onRetry={() => void event.refetch()} />
        {event.data !== undefined &&
          (event.data.data === null ? (
            <Text size="sm" c="dimmed">
              {event.data.hidden === 'sealed' ? words.sealed : words.gone}
            </Text>
          ) : (
            <Code
              block
              tabIndex={0}
              mah={320}
              style={{ overflow: 'auto', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
            >
              {JSON.stringify(event.data.data, null, 2)}
            </Code>
          ))}
        <ProblemNotice error={replay.error} />
        <Group justify="flex-end">
          <Button
            variant="default"
            loading={replay.isPending}
            onClick={() => replay.mutate(undefined, { onSuccess: onClose })}
          >
            {words.replay}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** `204`, or the error if there was no response. */
export function answerOf({ last_status: status, last_error: error }: Delivery): string | null {
  if (status === null) return error;
  return error === null ? String(status) : `${status} ${error}`;
}
