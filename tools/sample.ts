/**
 * Cuts the sample from a whole packages.json(.br): `bin/node tools/sample.ts PACKAGES QUERIES_DIR OUTPUT`. The same inputs
 * give the same bytes. What is kept, whole and unchanged:
 *
 * 1. every attribute that is odd: empty version, quoted segment, licence that is a tree, a bare string or partly
 *    without id, homepage or changelog that is a list, platform patterns, a description with a line break, known
 *    vulnerabilities, no meta of its own, and the longest long description;
 * 2. every attribute that a labelled query of test/quality/ names, so that ranking can be measured on the sample;
 * 3. of all others, the first by sha256 of the attribute path: three top-level ones with a description for one of any
 *    other kind, until there are 9,000 attributes.
 */
import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

interface Raw {
  version?: string;
  meta: Record<string, unknown>;
}
const SIZE = 9_000;

const [source, queries, output] = process.argv.slice(2);
if (!source || !queries || !output) throw new Error('usage: sample.ts PACKAGES QUERIES_DIR OUTPUT');
const bytes = readFileSync(source);
const text = source.endsWith('.br') ? brotliDecompressSync(bytes) : bytes;
const { version, packages } = JSON.parse(text.toString()) as { version: string; packages: Record<string, Raw> };

const keep = new Set(Object.keys(packages).filter(name => isOdd(name, packages[name]!)));
const long = (name: string) => String(packages[name]!.meta.longDescription ?? '').length;
keep.add(Object.keys(packages).reduce((a, b) => (long(b) > long(a) ? b : a)));
for (const file of globSync('*.dev.jsonl', { cwd: queries }).sort())
  for (const line of readFileSync(join(queries, file), 'utf8').trim().split('\n'))
    for (const item of JSON.parse(line).relevant) for (const name of item.attrs) if (name in packages) keep.add(name);

const others = Object.keys(packages).filter(name => !keep.has(name));
const ranked = others.map(name => [createHash('sha256').update(name).digest('hex'), name] as const).sort();
const plain = ranked.filter(([, name]) => !name.includes('.') && packages[name]!.meta.description);
const nested = ranked.filter(([, name]) => name.includes('.') || !packages[name]!.meta.description);
for (let i = 0; keep.size < SIZE; i++)
  for (const row of [...plain.slice(3 * i, 3 * i + 3), nested[i]]) keep.add(row![1]);

const sample = Object.fromEntries([...keep].sort().map(name => [name, packages[name]]));
const json = JSON.stringify({ version, packages: sample });
const params = {
  [constants.BROTLI_PARAM_QUALITY]: 11,
  [constants.BROTLI_PARAM_LGWIN]: 24,
  [constants.BROTLI_PARAM_SIZE_HINT]: json.length,
};
writeFileSync(output, brotliCompressSync(json, { params }));
console.log(`${keep.size} attributes, ${readFileSync(output).length} bytes`);

function isOdd(name: string, { version, meta }: Raw): boolean {
  const { license, homepage, changelog, platforms, description, knownVulnerabilities } = meta;
  const licences = [license].flat() as { licenseType?: string; spdxId?: string; shortName?: string }[];
  return (
    !version ||
    name.includes('"') ||
    Object.keys(meta).length === 0 ||
    licences.some(l => typeof l === 'string' || (l && (l.licenseType === 'compound' || !(l.spdxId ?? l.shortName)))) ||
    Array.isArray(homepage) ||
    Array.isArray(changelog) ||
    (Array.isArray(platforms) && platforms.some(platform => typeof platform !== 'string')) ||
    String(description ?? '').includes('\n') ||
    (Array.isArray(knownVulnerabilities) && knownVulnerabilities.length > 0)
  );
}
