import { useState } from 'react';
import type { Connection } from '../../components/connection-summary.ts';

/** Rows that were chosen, on any page. */
export interface Selection {
  chosen: readonly Connection[];
  has: (id: string) => boolean;
  set: (rows: readonly Connection[], isChosen: boolean) => void;
  clear: () => void;
}

export function useSelection(): Selection {
  const [chosen, setChosen] = useState<ReadonlyMap<string, Connection>>(new Map());
  return {
    chosen: [...chosen.values()],
    has: (id) => chosen.has(id),
    set: (rows, isChosen) =>
      setChosen((before) => {
        const after = new Map(before);
        for (const row of rows) {
          if (isChosen) after.set(row.id, row);
          else after.delete(row.id);
        }
        return after;
      }),
    clear: () => setChosen(new Map()),
  };
}
