import { Alert, Button, Stack, Text } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { useMessages } from '../messages/use-messages.tsx';

/** Keeps the frame when a page fails. A new `resetKey`, for another page, clears the error. */
export class ErrorBoundary extends Component<{ resetKey: string; children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override componentDidUpdate(previous: { resetKey: string }): void {
    if (previous.resetKey !== this.props.resetKey && this.state.error !== null) this.setState({ error: null });
  }

  override render(): ReactNode {
    return this.state.error === null ? this.props.children : <FailedPage error={this.state.error} />;
  }
}

function FailedPage({ error }: { error: Error }) {
  const { problem: words } = useMessages().frame;
  return (
    <Alert color="red" variant="light" title={words.crashed} role="alert">
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{words.crashedRemedy}</Text>
        <span className="id-text">{error.message}</span>
        <Button size="xs" variant="default" onClick={() => window.location.reload()}>
          {words.reload}
        </Button>
      </Stack>
    </Alert>
  );
}
