import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

/** Folder → the folders that it may import. Root files of src/ are open to all. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  extract: [],
  store: [],
  embed: [],
  blobs: [],
  vectors: ['store', 'embed', 'blobs'],
  usage: ['blobs'],
  programs: ['blobs'],
  index: ['vectors', 'store', 'blobs', 'usage', 'programs'],
  releases: ['index'],
  search: ['index', 'embed', 'programs'],
  enrich: ['search'],
  http: ['search'],
  mcp: ['search'],
  train: ['embed', 'extract', 'index', 'usage'],
  cli: [
    'extract',
    'programs',
    'store',
    'embed',
    'blobs',
    'vectors',
    'usage',
    'index',
    'releases',
    'search',
    'enrich',
    'http',
    'mcp',
    'train',
  ],
  infra: [],
};
/** Another folder's contract: the one file of it that vectors and search may import. */
const CONTRACTS = ['store/store.ts', 'embed/embedder.ts', 'blobs/blobs.ts'];
/** Package → the only files or folders that may import it. */
const OWNERS: Record<string, readonly string[]> = {
  '@aws-sdk/': ['store/dynamodb', 'embed/bedrock', 'blobs/s3', 'infra/'],
  'aws-cdk-lib': ['infra/'],
  constructs: ['infra/'],
  'cdk-nag': ['infra/'],
  yargs: ['cli/'],
  yaml: ['usage/'],
  'cli-progress': ['cli/'],
  'tar-stream': ['programs/channel'],
  'xz-decompress': ['programs/channel'],
  '@modelcontextprotocol/': ['mcp/', 'cli/mcp'],
};

const test = suite('imports');
const src = join(import.meta.dirname, '../src');
const files = globSync('**/*.ts', { cwd: src }).sort();
const imports = files.flatMap(file => {
  const text = readFileSync(join(src, file), 'utf8');
  const statements = text.matchAll(/(?:^|\n)(?:import|export)\s(type\s)?[^;'"]*?from '([^']+)'|import\('([^']+)'\)/g);
  return [...statements].map(([, type, from, lazy]) => ({
    file,
    to: (from ?? lazy)!,
    type: Boolean(type),
    lazy: lazy !== undefined,
  }));
});

test('folders import only what the house allows', () => {
  assert.ok(imports.length > 100);
  for (const { file, to } of imports) {
    if (!to.startsWith('.')) continue;
    const target = relative(src, join(src, dirname(file), to));
    const [from, into] = [file.split('/')[0]!, target.split('/')[0]!];
    if (!target.includes('/') || target.startsWith('..') || from === into) continue;
    assert.ok(!file.includes('/') || MAY_IMPORT[from]?.includes(into), `${file} imports ${target}`);
    if (from === 'vectors' || from === 'usage' || (from === 'search' && into === 'embed'))
      assert.ok(CONTRACTS.includes(target), `${file} imports ${target}`);
  }
});

test('a dependency is imported where its owner is, and nowhere else', () => {
  for (const { file, to } of imports)
    for (const [name, owners] of Object.entries(OWNERS))
      if (to.startsWith(name))
        assert.ok(
          owners.some(owner => file.startsWith(owner)),
          `${file} imports ${to}`,
        );
});

test('the AWS SDK and every backend are loaded on first use', () => {
  for (const { file, to, type, lazy } of imports) {
    if (
      /^\.\/(sqlite|dynamodb|dir|s3|bedrock|static|model2vec)\.ts$/.test(to) &&
      /(store|blobs|embedder)\.ts$/.test(file)
    )
      assert.ok(lazy || type, `${file} imports ${to}`);
  }
});

test('the environment is read in config.ts only', () => {
  for (const file of files.filter(file => file !== 'config.ts' && !file.startsWith('infra/')))
    assert.not.match(readFileSync(join(src, file), 'utf8'), /process\.env/, file);
});

test('no file of src is over 300 lines', () => {
  for (const file of files) assert.ok(readFileSync(join(src, file), 'utf8').split('\n').length <= 301, file);
});

test.run();
