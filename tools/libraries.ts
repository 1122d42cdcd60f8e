/**
 * What libraries are for that nixpkgs does not describe: `bin/node tools/libraries.ts SUITE < Packages > src/index/libraries.tsv`,
 * with a package list of Debian's archive. One line for each library: the family of sets, its name, how many packages of
 * Debian depend on it, and the stems of the words of its short description, sorted: facts, no texts. Packages of the
 * buckets 8 and 9 are left out, as in training: their texts judge the ranking.
 */
import { readFileSync } from 'node:fs';
import { nameKey } from '../src/index/keys.ts';
import { textTokens } from '../src/index/tokens.ts';
import { compareNames } from '../src/package.ts';
import { bucketOf } from '../src/train/buckets.ts';

/** How Debian's policies name the binary packages of a language's libraries. */
const POLICIES: readonly [RegExp, string][] = [
  [/^libghc-(.+)-dev$/, 'haskellPackages'],
  [/^ruby-(.+)$/, 'rubyPackages'],
  [/^r-(?:cran|bioc)-(.+)$/, 'rPackages'],
  [/^elpa-(.+)$/, 'emacsPackages'],
  [/^cl-(.+)$/, 'sbclPackages'],
];
const JUDGING = new Set([8, 9]);

export function librariesOf(list: string): string[] {
  const users = new Map<string, number>();
  const found: { family: string; name: string; binary: string; stems: string[] }[] = [];
  for (const paragraph of list.split('\n\n')) {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';
    const binary = field('Package');
    const depends = field('Depends').matchAll(/(?:^|[,|]) *([a-z0-9][a-z0-9+.-]+)/g);
    // A library of Haskell is asked for by its ABI too: libghc-aeson-dev-2.0.3.0-6cd28.
    for (const name of new Set([...depends].map(([, name]) => name!.replace(/-dev-[0-9.]+-[0-9a-f]{5}$/, '-dev'))))
      users.set(name, (users.get(name) ?? 0) + 1);
    const policy = POLICIES.find(([form]) => form.test(binary));
    if (!policy) continue;
    const name = policy[0].exec(binary)![1]!;
    const source = field('Source').split(' ')[0]! || binary;
    if ([name, binary, source].some(other => JUDGING.has(bucketOf(other)))) continue;
    const stems = [...new Set(textTokens(field('Description')))].sort();
    if (stems.length > 0) found.push({ family: policy[1], name: nameKey(name), binary, stems });
  }
  return found
    .map(({ family, name, binary, stems }) => [family, name, users.get(binary) ?? 0, stems.join(' ')].join('\t'))
    .sort(compareNames);
}

if (import.meta.main) {
  const [suite] = process.argv.slice(2);
  if (!suite) throw new Error('usage: bin/node tools/libraries.ts SUITE < Packages');
  console.log(
    `# Libraries in Debian ${suite}: family of sets, name, packages that depend on it, stems of its short description.`,
  );
  for (const line of librariesOf(readFileSync(0, 'utf8'))) console.log(line);
}
