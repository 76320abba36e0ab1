import { PageHeader } from '../../components/page-header.tsx';
import { useMessages } from '../../messages/use-messages.tsx';

export function OverviewPage() {
  const { pages } = useMessages();
  return <PageHeader title={pages.overview} />;
}
