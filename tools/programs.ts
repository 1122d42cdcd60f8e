/**
 * Makes the table of facts that ships, src/programs/debian.txt.br: which software has which programs, by the contents
 * list of Debian's archive.
 *
 *   node tools/programs.ts --release packages.json.br [--lists DIR] [--nixpkgs TREE] [--output FILE]
 *
 * DIR is where apt keeps its lists, `Contents-*` and `Packages` of one suite among them. TREE is a nixpkgs: where one of its
 * NixOS modules `programs.X` takes another package by default, X is a program of that package.
 */
import { spawn } from 'node:child_process';
import { globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import { openRelease, readRelease } from '../src/extract/channel.ts';
import { type Binary, mapPrograms, tableText } from './programs/mapping.ts';

const APT_HELPER = '/usr/lib/apt/apt-helper';

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      release: { type: 'string' },
      lists: { type: 'string', default: '/var/lib/apt/lists' },
      nixpkgs: { type: 'string' },
      output: { type: 'string', default: join(import.meta.dirname, '../src/programs/debian.txt.br') },
    },
  });
  if (!values.release) throw new Error('name a packages.json.br with --release');
  const { binaries, suite } = await readBinaries(values.lists);
  const release = await openRelease(values.release);
  const packages = await Array.fromAsync(readRelease(release));
  await release.close();
  const modules = values.nixpkgs ? readModules(values.nixpkgs) : new Map<string, string>();
  const table = mapPrograms(binaries, packages, modules);
  const text = tableText(table, suite);
  const bytes = brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_LGWIN]: 22, [constants.BROTLI_PARAM_SIZE_HINT]: text.length },
  });
  writeFileSync(values.output, bytes);
  const programs = [...table.values()].reduce((sum, list) => sum + list.size, 0);
  console.error(`${suite}: ${programs} programs of ${table.size} software, ${bytes.length} bytes in ${values.output}`);
}

/** The binary packages that have programs, with these, from apt's lists. */
async function readBinaries(lists: string): Promise<{ binaries: Binary[]; suite: string }> {
  const files = readdirSync(lists).sort();
  const contents = files.filter(file => /_main_Contents-\w+(\.\w+)?$/.test(file));
  if (contents.length === 0)
    throw new Error(`no Contents list in ${lists}: turn on apt's target Contents-deb and run 'apt-get update'`);
  const programs = new Map<string, Set<string>>();
  for (const file of contents)
    for await (const line of linesOf(join(lists, file))) {
      const [, program, holders] = /^(?:usr\/)?(?:s?bin|games)\/(\S+)\s+(\S+)$/.exec(line) ?? [];
      if (program === undefined || program.includes('/')) continue;
      for (const holder of holders!.split(',')) {
        const name = basename(holder);
        programs.set(name, (programs.get(name) ?? new Set()).add(program));
      }
    }
  const base = contents[0]!.replace(/_main_Contents.*/, '');
  const binaries: Binary[] = [];
  for (const file of files.filter(name => name.startsWith(`${base}_main_binary-`))) {
    let stanza: Record<string, string> = {};
    for await (const line of linesOf(join(lists, file))) {
      const [, field, value] = /^([A-Z][\w-]*): (.*)$/.exec(line) ?? [];
      if (field !== undefined) stanza[field] = value!;
      if (line !== '' || stanza.Package === undefined) continue;
      binaries.push(binary(stanza, programs));
      stanza = {};
    }
    if (stanza.Package !== undefined) binaries.push(binary(stanza, programs));
  }
  const inRelease = readFileSync(join(lists, `${base}_InRelease`), 'utf8');
  const date = new Date(/^Date: (.*)$/m.exec(inRelease)![1]!).toISOString().slice(0, 10);
  return { binaries, suite: `Debian ${/^Codename: (.*)$/m.exec(inRelease)![1]} ${date}` };
}

function binary(stanza: Record<string, string>, programs: Map<string, Set<string>>): Binary {
  const names = (value = '') =>
    value
      .split(/[,|]/)
      .map(part => part.trim().replace(/[ :(].*$/, ''))
      .filter(Boolean);
  const name = stanza.Package!;
  return {
    name,
    source: (stanza.Source ?? name).replace(/ .*/, ''),
    homepage: stanza.Homepage ?? null,
    provides: names(stanza.Provides),
    depends: names(stanza.Depends),
    mentions: [...names(stanza.Depends), ...names(stanza.Recommends), ...names(stanza.Suggests)],
    programs: [...(programs.get(name) ?? [])].sort(),
  };
}

/** apt's own reader knows every compression that apt writes. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const child = spawn(APT_HELPER, ['cat-file', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>(resolve => child.on('close', resolve));
  yield* createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
  if ((await ended) !== 0) throw new Error(`${APT_HELPER} cannot read ${file}`);
}

/** `programs.X` of NixOS → the package that it takes by default, where that is one attribute. */
function readModules(nixpkgs: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of globSync('nixos/modules/programs/**/*.nix', { cwd: nixpkgs }).sort()) {
    const text = readFileSync(join(nixpkgs, file), 'utf8');
    const [, attribute] = /\bpackage = (?:lib\.)?mkPackageOption pkgs "([\w-]+)" \{ *\}/.exec(text) ?? [];
    const names = new Set([...text.matchAll(/\bconfig\.programs\.([\w-]+);/g)].map(match => match[1]!));
    if (attribute !== undefined && names.size === 1) found.set([...names][0]!, attribute);
  }
  return found;
}
