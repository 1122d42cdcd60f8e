/** How well `enrich` does on a labelled file. */
import { readFileSync } from 'node:fs';
import type { Enriched } from '../../../src/enrich/enrich.ts';
import type { Labelled } from './make.ts';

export function readLabelled(split: 'fit' | 'dev'): Labelled[] {
  const text = readFileSync(new URL(`./${split}.jsonl`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Labelled);
}

export interface Scores {
  texts: number;
  /** Of the texts about a package, the share whose first match is right and sure enough. */
  recall: number;
  /** Of the texts with a verdict `match`, the share whose first match is right. */
  precision: number;
  /** Of the texts about a package, the share with a right one among the five, sure or not. */
  recall5: number;
  /** Of the texts about none, the share with the verdict none. */
  none: number;
}

export function score(labelled: readonly Labelled[], answers: readonly Enriched[]): Scores {
  const rows = labelled.map((text, i) => {
    const { matches, verdict } = answers[i]!;
    const about = text.relevant.length > 0;
    const right = about && text.relevant.includes(matches[0]?.packageName ?? '');
    const among = about && matches.some(({ packageName }) => text.relevant.includes(packageName));
    return { about, right, among, sure: verdict === 'match' };
  });
  const share = (of: typeof rows, when: (row: (typeof rows)[number]) => boolean) =>
    of.length === 0 ? Number.NaN : Math.round((1000 * of.filter(when).length) / of.length) / 1000;
  const about = rows.filter(row => row.about);
  return {
    texts: rows.length,
    recall: share(about, row => row.right && row.sure),
    precision: share(
      rows.filter(row => row.sure),
      row => row.right,
    ),
    recall5: share(about, row => row.among),
    none: share(
      rows.filter(row => !row.about),
      row => !row.sure,
    ),
  };
}
