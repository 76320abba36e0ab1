import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas, unwrap } from '../../api/client.ts';
import { ProblemError } from '../../api/problem-error.ts';
import { readServerSentEvents } from '../../api/server-sent-events.ts';

export type Verification = Schemas['ChainVerificationResponse'];

/** Progress of a verification since the first position that the page received. */
export interface Progress {
  /** Entries checked, and entries to check in total. */
  done: number;
  all: number;
  /** Entries per second. */
  rate: number;
}

interface Position {
  position: number;
  last_position: number;
}

/** Verifies the record, with the anchor if there is one, and reports its progress. */
export function useVerification() {
  const [progress, setProgress] = useState<Progress | null>(null);
  const verify = useMutation({
    mutationFn: async (anchor: string): Promise<Verification> => {
      setProgress(null);
      const body = await unwrap<ReadableStream<Uint8Array> | null>(
        api.GET('/v1/audit/verify', {
          params: { query: anchor === '' ? {} : { anchor } },
          headers: { Accept: 'text/event-stream' },
          parseAs: 'stream',
        }) as Promise<{ data?: ReadableStream<Uint8Array> | null; error?: unknown; response: Response }>,
      );
      if (body === null) throw ProblemError.ofLostConnection(new Error('the answer has no body'));
      const toProgress = progressSinceFirst();
      try {
        for await (const { name, data } of readServerSentEvents(body)) {
          if (name === 'progress') setProgress(toProgress(JSON.parse(data) as Position));
          if (name === 'verification') return JSON.parse(data) as Verification;
        }
      } catch (cause) {
        throw ProblemError.ofLostConnection(cause);
      }
      throw ProblemError.ofLostConnection(new Error('the answer has no verdict'));
    },
  });
  return { verify, progress };
}

/** Counts from the first reported position: pruned entries are not checked again. */
function progressSinceFirst(): (at: Position) => Progress {
  let first: { position: number; at: number } | null = null;
  return ({ position, last_position: last }) => {
    const now = performance.now();
    first ??= { position, at: now };
    const done = position - first.position;
    const seconds = (now - first.at) / 1000;
    return { done, all: last - first.position, rate: seconds > 0 ? Math.round(done / seconds) : 0 };
  };
}
