import { Checkbox, SimpleGrid, Stack, TagsInput, TextInput } from '@mantine/core';
import type { Schemas } from '../../api/client.ts';
import { CodeWord } from '../../components/code-word.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

type EventType = Schemas['SubscriptionResponse']['events'][number];

const EVENT_TYPES: readonly EventType[] = [
  'connection.created',
  'connection.assets_changed',
  'connection.refreshed',
  'connection.expiring',
  'connection.reauth_required',
  'connection.revoked',
  'connection.synchronization_expiring',
  'connection.unfinished',
  'app.failing',
  'meta.webhook',
];

/** A subscription as entered in the form. */
export interface SubscriptionDraft {
  url: string;
  events: string[];
  /** Empty: all tenants. */
  tenants: string[];
}

export const NEW_SUBSCRIPTION: SubscriptionDraft = {
  url: '',
  events: ['connection.reauth_required', 'connection.expiring', 'connection.revoked'],
  tenants: [],
};

/** The body of the request, as the API expects it. */
export function toSubscription(draft: SubscriptionDraft): Schemas['CreateSubscriptionRequest'] {
  return {
    url: draft.url.trim(),
    events: EVENT_TYPES.filter((type) => draft.events.includes(type)),
    ...(draft.tenants.length === 0 ? {} : { tenants: draft.tenants }),
  };
}

export function SubscriptionFields(props: { draft: SubscriptionDraft; onChange: (draft: SubscriptionDraft) => void }) {
  const { subscriptions: words } = useMessages();
  const { draft, onChange } = props;
  return (
    <Stack gap="sm">
      <TextInput
        type="url"
        label={words.url}
        description={words.urlDetail}
        placeholder="https://"
        value={draft.url}
        onChange={(event) => onChange({ ...draft, url: event.currentTarget.value })}
        required
        withAsterisk={false}
        data-autofocus
      />
      <Checkbox.Group label={words.events} value={draft.events} onChange={(events) => onChange({ ...draft, events })}>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs" mt={4}>
          {EVENT_TYPES.map((type) => (
            <Checkbox key={type} value={type} label={<CodeWord>{type}</CodeWord>} />
          ))}
        </SimpleGrid>
      </Checkbox.Group>
      <TagsInput
        label={words.tenants}
        description={words.tenantsDetail}
        value={draft.tenants}
        onChange={(tenants) => onChange({ ...draft, tenants })}
        splitChars={[',', ' ']}
        acceptValueOnBlur
      />
    </Stack>
  );
}
