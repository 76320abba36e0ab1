import { useEffect } from 'react';

/** Sets the window's title for the page. */
export function useDocumentTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Metavault`;
  }, [title]);
}
