/**
 * Bundles the program, src/fdnix.ts, into dist/, flat: `node tools/build.ts`. Modules that only some commands use stay chunks
 * of their own, loaded on first use. A file that a source reaches by `new URL('./NAME', import.meta.url)` goes beside the
 * chunks under its own name, so that the same expression finds it there; a `.ts` so reached (a worker) becomes a bundle
 * of its own. LICENSES.txt holds the licence of every package that is part of a bundle, as these licences ask. The same
 * sources give the same bytes, wherever the checkout lies.
 */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { readPage } from '../src/http/node.ts';
import { licences, packagesOf } from './licences.ts';

const started = new Date();
const root = join(import.meta.dirname, '..');
const outdir = join(root, 'dist');
const FILE_URL = /new URL\(\s*'\.\/([^']+)',\s*import\.meta\.url\s*,?\s*\)/g;

/** Name in dist/ → source. Workers and assets join as the sources that reach them are read. */
const bundles = new Map<string, string>();
const assets = new Map<string, string>();
function add(to: Map<string, string>, name: string, path: string) {
  const other = to.get(name) ?? path;
  if (other !== path) throw new Error(`${path} and ${other} would both become dist/${name}: rename one`);
  to.set(name, path);
}

const fileUrls: Plugin = {
  name: 'file URLs',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const flat = (_: string, file: string) => {
        const worker = file.endsWith('.ts');
        const name = basename(file, '.ts');
        add(worker ? bundles : assets, name, join(dirname(path), file));
        return `new URL('./${name}${worker ? '.js' : ''}', import.meta.url)`;
      };
      return { contents: readFileSync(path, 'utf8').replace(FILE_URL, flat), loader: 'ts' };
    });
  },
};

function bundle() {
  return build({
    entryPoints: [...bundles].map(([out, path]) => ({ out, in: path })),
    absWorkingDir: root,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['esbuild'], // src/http/node.ts asks for it where the page is not built
    mainFields: ['module', 'main'], // ES modules where a package has them: only they are tree-shaken
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
    // CommonJS packages inside an ES module call `require` for Node's own modules. A property of globalThis, because a
    // constant of that name would collide in chunks that declare one themselves (yargs does).
    banner: {
      js: "import{createRequire as fdnixRequire}from'node:module';globalThis.require??=fdnixRequire(import.meta.url);",
    },
    plugins: [fileUrls],
  });
}

add(bundles, 'fdnix', join(root, 'src/fdnix.ts'));
let result = await bundle().catch(() => process.exit(1)); // esbuild has said why
if (bundles.size > 1) result = await bundle(); // the first pass found the workers

mkdirSync(outdir, { recursive: true });
const written = new Set(Object.keys(result.metafile.outputs).map(path => basename(path)));
for (const [name, path] of assets) {
  written.add(name);
  copyFileSync(path, join(outdir, name));
}
writeFileSync(join(outdir, 'page.html'), await readPage());
written.add('LICENSES.txt');
writeFileSync(join(outdir, 'LICENSES.txt'), licences(root, packagesOf(Object.keys(result.metafile.inputs))));

// What an earlier build left goes last, so that a program that runs meanwhile finds its chunks until the new are there.
for (const name of readdirSync(outdir)) if (!written.has(name)) rmSync(join(outdir, name), { recursive: true });

// As old as what was read, so that a source that changed while it was built is newer than the program.
utimesSync(join(outdir, 'fdnix.js'), started, started);

const bytes = [...written].reduce((sum, name) => sum + statSync(join(outdir, name)).size, 0);
console.error(`dist: ${written.size} files, ${(bytes / 1e6).toFixed(1)} MB`);
