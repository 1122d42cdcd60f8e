/**
 * Bundles the programs into dist/, flat: `node build.ts`. Modules that only some commands use stay chunks of their own,
 * loaded on first use. A file that a source reaches by `new URL('./NAME', import.meta.url)` goes beside the chunks under
 * its own name, so that the same expression finds it there; a `.ts` so reached (a worker) becomes a bundle of its own.
 * The same sources give the same bytes, wherever the checkout lies.
 */
import { copyFileSync, globSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname;
const outdir = join(root, 'dist');
const FILE_URL = /new URL\(\s*'\.\/([^']+)',\s*import\.meta\.url\s*,?\s*\)/g;

const sources = globSync('src/**/*.ts', { cwd: root, exclude: ['src/infra/**'] }).sort();
const assets = new Map<string, string>();
// Every file of src/programs is a program; a name appears once however often it is reached.
const programs = new Map(
  sources.filter(path => path.startsWith('src/programs/')).map(path => [basename(path, '.ts'), path]),
);
for (const source of sources) {
  for (const [, file] of readFileSync(join(root, source), 'utf8').matchAll(FILE_URL)) {
    const path = join(dirname(source), file!);
    const name = basename(path);
    if (name.endsWith('.ts')) programs.set(name.slice(0, -3), path);
    else if ((assets.get(name) ?? path) !== path)
      throw new Error(`${path} and ${assets.get(name)} would both become dist/${name}: rename one`);
    else assets.set(name, path);
  }
}

const result = await build({
  entryPoints: [...programs].map(([out, path]) => ({ out, in: join(root, path) })),
  absWorkingDir: root,
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
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
  plugins: [
    {
      name: 'file URLs',
      setup({ onLoad }) {
        onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
          contents: readFileSync(path, 'utf8').replace(FILE_URL, (_, file: string) => {
            return `new URL('./${basename(file).replace(/\.ts$/, '.js')}', import.meta.url)`;
          }),
          loader: 'ts',
        }));
      },
    },
  ],
});

const written = new Set(Object.keys(result.metafile.outputs).map(path => basename(path)));
for (const [name, path] of assets) {
  written.add(name);
  copyFileSync(join(root, path), join(outdir, name));
}
// What an earlier build left goes last, so that a program that runs meanwhile still finds its chunks for a while.
for (const name of readdirSync(outdir)) if (!written.has(name)) rmSync(join(outdir, name), { recursive: true });

const bytes = [...written].reduce((sum, name) => sum + statSync(join(outdir, name)).size, 0);
console.error(`dist: ${programs.size} programs, ${written.size} files, ${(bytes / 1e6).toFixed(1)} MB`);
