import { Checkbox, Group, NativeSelect, NumberInput, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useMessages } from '../../messages/use-messages.tsx';
import { PRODUCTS } from '../connections/connection-filter.ts';
import { isReadable, type PolicyDraft } from './policy-draft.ts';

const ALL = '*';
const ROLES = ['service', 'admin', 'tenant_admin', 'auditor'] as const;

/** Fields for a client's policy. The role can be chosen only for a new client. */
export function PolicyFields(props: { draft: PolicyDraft; onChange: (draft: PolicyDraft) => void; isNew?: boolean }) {
  const { clients: words, frame } = useMessages();
  const { draft, onChange, isNew = false } = props;
  const set = (changed: Partial<PolicyDraft>): void => onChange({ ...draft, ...changed });
  const isService = draft.role === 'service';
  return (
    <Stack gap="sm">
      <TextInput
        label={words.name}
        value={draft.name}
        maxLength={100}
        onChange={(event) => set({ name: event.currentTarget.value })}
        required
        withAsterisk={false}
        data-autofocus={isNew ? true : undefined}
      />
      {isNew && (
        <NativeSelect
          label={words.role}
          value={draft.role}
          data={ROLES.map((value) => ({ value, label: frame.session.roles[value] }))}
          onChange={(event) => set({ role: ROLES.find((role) => role === event.currentTarget.value) ?? draft.role })}
        />
      )}
      <TagsInput
        label={words.tenants}
        description={words.tenantsDetail}
        value={draft.tenants}
        onChange={(tenants) => set({ tenants })}
        splitChars={[',', ' ']}
        acceptValueOnBlur
      />
      <ProductChecks value={draft.products} onChange={(products) => set({ products })} />
      {isService && <ServiceFields draft={draft} set={set} />}
      <NumberInput
        label={words.rateLimit}
        description={words.rateLimitDetail}
        value={draft.rate_limit_per_second}
        min={1}
        max={1_000_000}
        allowDecimal={false}
        onChange={(value) => set({ rate_limit_per_second: value })}
      />
      <TagsInput
        label={words.addresses}
        description={words.addressesDetail}
        value={draft.ip_allow_list}
        onChange={(list) => set({ ip_allow_list: list })}
        splitChars={[',', ' ']}
        acceptValueOnBlur
      />
    </Stack>
  );
}

function ServiceFields({ draft, set }: { draft: PolicyDraft; set: (changed: Partial<PolicyDraft>) => void }) {
  const { clients: words } = useMessages();
  return (
    <>
      <Checkbox.Group
        label={words.leaseModes}
        value={draft.lease_modes}
        onChange={(modes) => set({ lease_modes: modes })}
      >
        <Group mt={4}>
          <Checkbox value="gateway" label={words.modes.gateway} />
          <Checkbox value="token" label={words.modes.token} />
        </Group>
      </Checkbox.Group>
      <NumberInput
        label={words.maxTtl}
        value={draft.max_ttl_seconds}
        min={1}
        max={3600}
        allowDecimal={false}
        onChange={(value) => set({ max_ttl_seconds: value })}
      />
      <Textarea
        label={words.allow}
        description={words.allowDetail}
        placeholder={'GET /**\nPOST /*/messages'}
        value={draft.allow}
        onChange={(event) => set({ allow: event.currentTarget.value })}
        error={isReadable(draft) ? null : words.allowUnreadable}
        autosize
        minRows={3}
        maxRows={14}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      />
    </>
  );
}

function ProductChecks({ value, onChange }: { value: string[]; onChange: (value: string[]) => void }) {
  const { clients: words, terms } = useMessages();
  const isAll = value.includes(ALL);
  return (
    <Checkbox.Group
      label={words.products}
      value={isAll ? [ALL, ...PRODUCTS] : value}
      onChange={(chosen) => onChange(chosen.includes(ALL) && !isAll ? [ALL] : chosen.filter((each) => each !== ALL))}
    >
      <Group mt={4} gap="md">
        <Checkbox value={ALL} label={words.allProducts} />
        {PRODUCTS.map((product) => (
          <Checkbox key={product} value={product} label={terms.products[product]} />
        ))}
      </Group>
    </Checkbox.Group>
  );
}
