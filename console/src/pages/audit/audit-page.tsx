import { Group, Paper, Switch, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, unwrap } from '../../api/client.ts';
import { useAddressFilters } from '../../api/use-address-filters.ts';
import { usePagedList } from '../../api/use-paged-list.ts';
import { AuditEntries } from '../../components/audit-entries.tsx';
import { TextFilterField } from '../../components/filter-fields.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { Pager } from '../../components/pager.tsx';
import { ProblemNotice } from '../../components/problem-notice.tsx';
import { useMessages } from '../../messages/use-messages.tsx';
import { AUDIT_FILTERS, toAuditQuery } from './audit-filter.ts';
import { ExportAudit } from './export-audit.tsx';
import { RecordSection } from './record-section.tsx';

const PAGE_SIZE = 50;
const FOLLOW_MS = 3_000;

export function AuditPage() {
  const { audit: words, connections } = useMessages();
  const filters = useAddressFilters(AUDIT_FILTERS);
  const [isFollowing, setIsFollowing] = useState(false);
  const query = toAuditQuery(filters.get);
  const list = usePagedList(
    ['audit', query],
    (cursor, signal) =>
      unwrap(api.GET('/v1/audit', { params: { query: { ...query, limit: PAGE_SIZE, cursor } }, signal })),
    { refetchInterval: isFollowing ? FOLLOW_MS : false },
  );
  return (
    <>
      <PageHeader title={words.title} description={words.description}>
        <ExportAudit query={query} />
      </PageHeader>
      <RecordSection />
      <ProblemNotice error={list.error} onRetry={list.refetch} />
      <Paper style={{ overflow: 'hidden' }}>
        <Group gap="sm" align="flex-end" role="search" aria-label={connections.filters.label} p="md">
          {(['action', 'client_id', 'connection_id'] as const).map((name) => (
            <TextFilterField
              key={name}
              label={words.filters[name]}
              value={filters.get(name)}
              onChange={(value) => filters.set(name, value)}
            />
          ))}
          {(['from', 'to'] as const).map((name) => (
            <TextInput
              key={name}
              type="date"
              label={words.filters[name]}
              value={filters.get(name).slice(0, 10)}
              onChange={(event) => filters.set(name, event.currentTarget.value)}
              flex={{ base: '1 1 40%', sm: '0 1 auto' }}
            />
          ))}
          <Switch
            label={words.follow}
            checked={isFollowing}
            onChange={(event) => setIsFollowing(event.currentTarget.checked)}
            pb={8}
          />
        </Group>
        <AuditEntries label={words.title} entries={list.rows} isLoading={list.isLoading} />
        <Pager list={list} />
      </Paper>
    </>
  );
}
