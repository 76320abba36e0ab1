import { Fragment } from 'react';

/** A name such as `META_APP_ID` or `connection.revoked`, which wraps only between its parts. */
export function CodeWord({ children }: { children: string }) {
  return (
    <span className="code-word">
      {children.split(/(?<=[._])/).map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a word stay where they are
        <Fragment key={index}>
          {part}
          <wbr />
        </Fragment>
      ))}
    </span>
  );
}
