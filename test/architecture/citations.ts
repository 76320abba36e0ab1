import { readFileSync } from 'node:fs';
import path from 'node:path';
import GithubSlugger from 'github-slugger';
import { ROOT } from './source-files.ts';

/** Pages that are not in this repository, so its readers cannot look them up. */
const ELSEWHERE = /\b(?:META(?:-2026-11)?\.md|META-2026-11|CONTRACT(?:\.md)?\b(?! ?=)|ARCHITECTURE\.md)/;
const CITED = /\bdocs\/([a-z-]+\.md)(?:#([\w-]+))?/g;

const anchorsByPage = new Map<string, ReadonlySet<string> | null>();

/** What is wrong with the citations of a text, by line: `12: docs/x.md is not there`. */
export function citationFaults(text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const faults = [...line.matchAll(CITED)].flatMap(([cited, page = '', anchor]) => {
      const anchors = anchorsOf(page);
      if (anchors === null) return `${cited} is not there`;
      return anchor === undefined || anchors.has(anchor) ? [] : `${cited} has no such heading`;
    });
    const elsewhere = ELSEWHERE.exec(line)?.[0];
    if (elsewhere !== undefined) faults.push(`${elsewhere} is not in this repository`);
    return faults.map((fault) => `${index + 1}: ${fault}`);
  });
}

/** The anchors that GitHub gives the headings of a page of `docs`; null where there is no such page. */
function anchorsOf(page: string): ReadonlySet<string> | null {
  const known = anchorsByPage.get(page);
  if (known !== undefined) return known;
  let anchors: ReadonlySet<string> | null = null;
  try {
    const slugger = new GithubSlugger();
    const markdown = readFileSync(path.join(ROOT, 'docs', page), 'utf8');
    anchors = new Set([...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slugger.slug(heading)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  anchorsByPage.set(page, anchors);
  return anchors;
}
