import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { callPatiently } from '../../api/patient-call.ts';
import { walkPages } from '../../api/walk-pages.ts';
import { Icon } from '../../components/icon.tsx';
import { useNotice } from '../../components/use-notice.tsx';
import { download } from '../../download.ts';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import { csvHeading, toCsv } from './connection-csv.ts';
import type { ConnectionQuery } from './connection-filter.ts';

const PAGE_SIZE = 200;

/** Exports all connections that match the filters, not only the page shown. Pressing it again stops the export. */
export function ExportButton(props: { query: ConnectionQuery; onError: (error: unknown) => void }) {
  const { connections: words } = useMessages();
  const notify = useNotice();
  const [count, setCount] = useState(0);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const { mutate, isPending } = useMutation({
    mutationFn: async () => {
      running.current = new AbortController();
      return exportConnections(props.query, running.current.signal, setCount);
    },
    onSuccess: (exported) => notify(fill(words.exportDone, { count: exported })),
    onError: (error) => {
      if (!running.current?.signal.aborted) props.onError(error);
    },
  });
  return (
    <Button
      variant="default"
      leftSection={<Icon name={isPending ? 'close' : 'download'} size={16} />}
      onClick={() => (isPending ? running.current?.abort() : mutate())}
    >
      {isPending ? fill(words.exporting, { count }) : words.export}
    </Button>
  );
}

async function exportConnections(
  query: ConnectionQuery,
  signal: AbortSignal,
  onProgress: (count: number) => void,
): Promise<number> {
  const parts = [csvHeading()];
  let count = 0;
  onProgress(count);
  const pages = walkPages((cursor) =>
    callPatiently(
      () => unwrap(api.GET('/v1/connections', { params: { query: { ...query, limit: PAGE_SIZE, cursor } }, signal })),
      signal,
    ),
  );
  for await (const page of pages) {
    parts.push(toCsv(page));
    count += page.length;
    onProgress(count);
  }
  download(`connections-${new Date().toISOString().slice(0, 10)}.csv`, parts, 'text/csv;charset=utf-8');
  return count;
}
