import { describe, expect, it } from '@jest/globals';
import { graphBaseUrls } from '../../../../src/meta/graph/meta-addresses.ts';
import { META } from '../scripted-meta.ts';

const ofThreads = (threadsGraphUrl: string) => graphBaseUrls({ ...META, threadsGraphUrl }).slice(2);
const REAL = ['https://graph.threads.net', 'https://graph.threads.com'];

describe('base URLs of Threads', () => {
  it("include both of Meta's hosts, whichever is configured", () => {
    expect(ofThreads('https://graph.threads.net')).toEqual(['https://graph.threads.net', 'https://graph.threads.com']);
    expect(ofThreads('https://graph.threads.com')).toEqual(['https://graph.threads.com', 'https://graph.threads.net']);
  });

  it('include both hosts of the sandbox', () => {
    const base = 'http://127.0.0.1:9/graph.threads';
    expect(ofThreads(`${base}.net`)).toEqual([`${base}.net`, `${base}.com`, ...REAL]);
    expect(ofThreads(`${base}.com`)).toEqual([`${base}.com`, `${base}.net`, ...REAL]);
    expect(ofThreads('http://proxy.test/threads')).toEqual(['http://proxy.test/threads', ...REAL]);
  });
});
