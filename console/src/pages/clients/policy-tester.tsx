import { Alert, Button, Group, List, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { Icon } from '../../components/icon.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { Section } from '../../components/section.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

type Question = Schemas['PolicyTestRequest'];

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD'] as const;

/** Tests whether the client may make a call. The service answers by the gateway's rules. */
export function PolicyTester({ id }: { id: string }) {
  const { clients, terms } = useMessages();
  const { tester: words } = clients;
  const [method, setMethod] = useState<Question['method']>('POST');
  const [path, setPath] = useState('/123456/messages');
  const ask = useMutation({
    mutationFn: (body: Question) =>
      unwrap(api.POST('/v1/clients/{id}/policy-test', { params: { path: { id } }, body })),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    ask.mutate({ method, path: path.trim(), mode: 'gateway' });
  };
  return (
    <Section title={words.title} description={words.description}>
      <form onSubmit={submit}>
        <Group gap="xs" align="flex-end">
          <NativeSelect
            label={words.method}
            value={method}
            data={[...METHODS]}
            onChange={(event) => setMethod(METHODS.find((each) => each === event.currentTarget.value) ?? method)}
          />
          <TextInput
            label={words.path}
            value={path}
            onChange={(event) => setPath(event.currentTarget.value)}
            flex="1 1 200px"
            required
            withAsterisk={false}
            spellCheck={false}
            autoComplete="off"
          />
          <Button type="submit" variant="default" loading={ask.isPending}>
            {words.ask}
          </Button>
        </Group>
      </form>
      <ProblemNotice error={ask.error} />
      {ask.data !== undefined && (
        <Alert
          color={ask.data.allowed ? 'teal' : 'red'}
          variant="light"
          icon={<Icon name={ask.data.allowed ? 'check' : 'revoke'} />}
          title={ask.data.allowed ? words.allowed : words.refused}
          role="status"
        >
          <Stack gap={4}>
            {ask.data.results.length === 0 && <Text size="sm">{words.nothing}</Text>}
            <List size="sm">
              {ask.data.results.map(({ product, reason }) => (
                <List.Item key={product}>
                  {terms.products[product]}: {reason}
                </List.Item>
              ))}
            </List>
          </Stack>
        </Alert>
      )}
    </Section>
  );
}
