import { Alert, Anchor, Button, Group, List, Stack, Text } from '@mantine/core';
import { type LocalCode, ProblemError } from '../api/problem-error.ts';
import type { Messages } from '../messages/messages.ts';
import { useMessages } from '../messages/use-messages.tsx';
import { PUBLIC_PATH } from '../public-path.ts';
import { oidcAddress, SIGNED_IN_PATH } from '../session/oidc-address.ts';
import { Icon } from './icon.tsx';

/** A failed call in the problem's own words: what happened, what to do, and the request id to report. */
export function ProblemNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const messages = useMessages();
  if (error === null || error === undefined) return null;
  const { title, detail, remedy, requestId, errors, code } = describe(error, messages);
  const words = messages.frame.problem;
  return (
    <Alert color="red" variant="light" title={title} icon={<Icon name="alert" />} role="alert">
      <Stack gap="xs">
        {detail !== undefined && detail !== title && errors.length === 0 && <Text size="sm">{detail}</Text>}
        {errors.length > 0 && (
          <List size="sm">
            {errors.map(({ path, message }) => (
              <List.Item key={`${path} ${message}`}>
                <span className="id-text">{path}</span>: {message}
              </List.Item>
            ))}
          </List>
        )}
        {remedy !== undefined && <Text size="sm">{remedy}</Text>}
        {(requestId !== undefined || code !== undefined || onRetry !== undefined) && (
          <Group gap="md">
            {code === 'fresh_sign_in_required' && (
              <Button
                component="a"
                size="xs"
                href={oidcAddress(PUBLIC_PATH, SIGNED_IN_PATH, true)}
                target="_blank"
                rel="noopener"
              >
                {words.freshSignIn}
              </Button>
            )}
            {onRetry !== undefined && (
              <Button size="xs" variant="default" onClick={onRetry}>
                {words.tryAgain}
              </Button>
            )}
            {requestId !== undefined && (
              <Text size="xs">
                {words.requestId}: <span className="id-text">{requestId}</span>
              </Text>
            )}
            {code !== undefined && (
              <Anchor
                size="xs"
                c="inherit"
                td="underline"
                href={`${PUBLIC_PATH}/problems/${code}`}
                target="_blank"
                rel="noopener"
              >
                {words.about}
              </Anchor>
            )}
          </Group>
        )}
      </Stack>
    </Alert>
  );
}

interface Description {
  title: string;
  detail?: string;
  remedy?: string;
  requestId?: string;
  errors: readonly { path: string; message: string }[];
  /** Only for a problem that has a page. */
  code?: string;
}

function describe(error: unknown, { frame }: Messages): Description {
  const { problem: words } = frame;
  if (!(error instanceof ProblemError))
    return { title: words.crashed, detail: String(error), remedy: words.crashedRemedy, errors: [] };
  const { code, problem } = error;
  const requestId = problem.request_id;
  if (code === ('connection_lost' satisfies LocalCode))
    return { title: words.connectionLost, remedy: words.connectionLostRemedy, errors: [] };
  if (code === ('unexpected_answer' satisfies LocalCode))
    return { title: words.unexpectedAnswer, remedy: words.unexpectedAnswerRemedy, requestId, errors: [] };
  const { title = code, detail, remedy, errors = [] } = problem;
  return { title, detail, remedy, requestId, errors, code };
}
