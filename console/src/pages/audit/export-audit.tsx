import { Button, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { callPatiently } from '../../api/patient-call.ts';
import { walkPages } from '../../api/walk-pages.ts';
import { Icon } from '../../components/icon.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { download } from '../../download.ts';
import { fill } from '../../messages/messages.ts';
import { useMessages } from '../../messages/use-messages.tsx';
import type { AuditQuery } from './audit-filter.ts';

const PAGE_SIZE = 200;
const MAX_ENTRIES = 100_000;

/** Saves the matching entries as JSON lines, which keep each entry in full. */
export function ExportAudit({ query }: { query: AuditQuery }) {
  const { audit: words } = useMessages();
  const [count, setCount] = useState(0);
  const save = useMutation({
    mutationFn: async () => {
      const { signal } = new AbortController();
      const lines: string[] = [];
      const pages = walkPages((cursor) =>
        callPatiently(
          () => unwrap(api.GET('/v1/audit', { params: { query: { ...query, limit: PAGE_SIZE, cursor } } })),
          signal,
        ),
      );
      for await (const page of pages) {
        for (const entry of page) lines.push(`${JSON.stringify(entry)}\n`);
        setCount(lines.length);
        if (lines.length >= MAX_ENTRIES) break;
      }
      download(`audit-${new Date().toISOString().slice(0, 10)}.jsonl`, lines, 'application/jsonl');
    },
  });
  return (
    <Stack gap="xs" align="flex-end">
      <Button
        variant="default"
        leftSection={<Icon name="download" size={16} />}
        disabled={save.isPending}
        onClick={() => save.mutate()}
      >
        {save.isPending ? fill(words.exporting, { count }) : words.export}
      </Button>
      <ProblemNotice error={save.error} />
    </Stack>
  );
}
