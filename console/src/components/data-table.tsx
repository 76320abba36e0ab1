import { Skeleton, Table } from '@mantine/core';
import type { ReactNode } from 'react';

const LOADING_ROWS = ['a', 'b', 'c', 'd', 'e'];

/** A column of a table. A `secondary` column is hidden on phones. */
export interface Column<T> {
  key: string;
  title: ReactNode;
  secondary?: boolean;
  align?: 'left' | 'right';
  cell: (row: T) => ReactNode;
}

/**
 * The table of every list. It scrolls sideways on its own, so that the page never does; `empty` replaces the rows if
 * there are none.
 */
export function DataTable<T>(props: {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  isLoading?: boolean;
  isSelected?: (row: T) => boolean;
  empty: ReactNode;
}) {
  const { columns, rows, isLoading = false } = props;
  if (!isLoading && rows.length === 0) return props.empty;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard (WCAG 2.1.1)
    <div className="table-scroll" role="group" aria-label={props.label} tabIndex={0}>
      <Table highlightOnHover verticalSpacing="xs" aria-busy={isLoading}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column.key} visibleFrom={column.secondary ? 'sm' : undefined} ta={column.align}>
                {column.title}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {isLoading &&
            LOADING_ROWS.map((key) => (
              <Table.Tr key={key}>
                <Table.Td colSpan={columns.length}>
                  <Skeleton height={18} my={4} />
                </Table.Td>
              </Table.Tr>
            ))}
          {rows.map((row) => (
            <Table.Tr key={props.rowKey(row)} data-selected={props.isSelected?.(row) || undefined}>
              {columns.map((column) => (
                <Table.Td key={column.key} visibleFrom={column.secondary ? 'sm' : undefined} ta={column.align}>
                  {column.cell(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
