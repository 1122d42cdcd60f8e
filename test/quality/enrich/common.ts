/**
 * Writes src/search/common-words.txt: `bin/node test/quality/enrich/common.ts LISTS PACKAGES_JSON`. These are the names
 * of nixpkgs that the descriptions of 10 or more of Debian's source packages use in lower case as a word; of 100 or
 * more, if Debian has a package of that name (neovim, samtools), since then many of those mean the package.
 */
import { writeFileSync } from 'node:fs';
import { openRelease, readRelease } from '../../../src/extract/channel.ts';
import { bucketOf } from '../../../src/train/buckets.ts';
import { readDebian } from '../../../src/train/debian.ts';

const [lists, packagesJson] = process.argv.slice(2);
if (!lists || !packagesJson) throw new Error('usage: common.ts LISTS PACKAGES_JSON');
const names = new Set<string>();
for await (const { packageName, pname, mainProgram } of readRelease(await openRelease(packagesJson)))
  for (const name of [packageName, pname, mainProgram]) if (name) names.add(name.toLowerCase());

const counts = new Map<string, number>();
const sources = new Set<string>();
const inDebian = new Set<string>();
for (const { name, source, short, long } of (await readDebian(lists)).packages) {
  inDebian.add(name);
  if (sources.has(source) || bucketOf(source) >= 8) continue;
  sources.add(source);
  for (const word of new Set(`${short}. ${long}`.match(/(?<![\w.-])[a-z]{2,}(?![\w-])/g)))
    if (names.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
}
const common = [...counts].filter(([word, count]) => count >= (inDebian.has(word) ? 100 : 10)).map(([word]) => word);
writeFileSync(new URL('../../../src/enrich/common-words.txt', import.meta.url), `${common.sort().join('\n')}\n`);
console.log(`${common.length} words of ${names.size} names, ${sources.size} descriptions`);
