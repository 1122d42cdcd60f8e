import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a licence's own words are taken from for a package that names it and brings no text. */
const TEXTS: Record<string, { from: string; named: boolean }> = {
  'Apache-2.0': { from: 'node_modules/@aws-sdk/client-s3/LICENSE', named: false },
  MIT: { from: 'LICENSE', named: true },
};

/**
 * Name, version, licence and its text, of each package (paths such as `node_modules/yargs`, relative to `root`). Throws
 * where a package's licence has no text: what ships must bring it.
 */
export function licences(root: string, packages: Iterable<string>): string {
  const entries = [...new Set(packages)].sort().map(path => {
    const { name, version, license, author } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const [file] = readdirSync(join(root, path))
      .filter(entry => /^(licen[cs]e|copying)/i.test(entry))
      .sort();
    const own = file && readFileSync(join(root, path, file), 'utf8').trim();
    const text = own || standard(root, name, license, author?.name ?? author);
    return `${name} ${version}, ${license}\n\n${text}\n`;
  });
  return entries.join(`\n${'-'.repeat(80)}\n\n`);
}

function standard(root: string, name: string, license: string, author: string | undefined): string {
  const known = TEXTS[license];
  if (!known || (known.named && !author))
    throw new Error(
      `${name} is under ${license} and brings no text of it: add where its words are to tools/licences.ts`,
    );
  const words = readFileSync(join(root, known.from), 'utf8').trim();
  if (!known.named) return words;
  return words.replace(/^copyright .*$/im, `Copyright (c) ${author}`);
}

/** The packages that files belong to, as paths relative to where the files are. */
export function packagesOf(files: readonly string[]): string[] {
  return files.flatMap(path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
}
