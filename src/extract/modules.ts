import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.ts';
import { NIXOS } from '../option-facts.ts';
import type { Extraction, Package } from '../package.ts';
import type { Report } from '../progress.ts';
import { checkNix, checkTree, confined, createScratch, readError } from './nix.ts';
import { parseOptions, type RawOption } from './options.ts';

const EXPRESSION = fileURLToPath(new URL('./options.nix', import.meta.url));

/** The trees of modules that options.nix can evaluate, each with a file by which it is recognised. */
const MARKS = {
  [NIXOS]: 'nixos/lib/eval-config.nix',
  'home-manager': 'modules/lib/stdlib-extended.nix',
  'nix-darwin': 'eval-config.nix',
} as const;

/** A tree whose modules declare options. */
export interface ModuleTree {
  kind: keyof typeof MARKS;
  path: string;
}

/** Tells what the tree at `path` is by its files. Throws a UserError if it is none that can be evaluated. */
export function recogniseModules(path: string): ModuleTree {
  const kinds = Object.keys(MARKS) as ModuleTree['kind'][];
  const kind = kinds.find(kind => existsSync(join(path, MARKS[kind])));
  if (kind !== undefined) return { kind, path };
  throw new UserError(
    `${path} is no tree of ${kinds.join(', ')}: give one of them, or the options.json of your modules' documentation`,
  );
}

interface Settings {
  /** The nixpkgs whose library and packages the modules use. By default the tree itself, which is right for NixOS. */
  nixpkgs?: string;
  /** Whose options they are called. By default those of the tree's kind. */
  scope?: string | undefined;
  system: string;
  report?: Report;
  signal?: AbortSignal;
}

/**
 * Yields the options of NixOS, home-manager or nix-darwin as their manuals list them, sorted by name. One evaluator is
 * enough: 24,489 options of NixOS take 4 s and 590 MiB, 5,558 of home-manager 1 s and 280 MiB.
 */
export async function* evaluateOptions(
  tree: ModuleTree,
  { nixpkgs = tree.path, scope = tree.kind, ...settings }: Settings,
): AsyncGenerator<Package, Extraction> {
  const mark = MARKS[tree.kind];
  if (!existsSync(join(tree.path, mark)))
    throw new UserError(
      `${tree.path} has no ${mark}: is it ${tree.kind === NIXOS ? 'a nixpkgs with NixOS in it' : tree.kind}?`,
    );
  await checkNix();
  settings.report?.({ phase: 'evaluating', done: 0, total: null, unit: 'options' });
  const entries = await evaluate(tree, checkTree(nixpkgs), settings);
  return yield* parseOptions(entries, tree.path, { ...settings, scope });
}

async function evaluate(
  { kind, path: tree }: ModuleTree,
  nixpkgs: string,
  { system, signal }: Settings,
): Promise<Record<string, RawOption>> {
  const scratch = createScratch();
  // The packages that nix-darwin's options mention are those of a Mac, whatever this machine is.
  const platform = kind === 'nix-darwin' && !system.endsWith('-darwin') ? 'aarch64-darwin' : system;
  const values = { kind, tree, nixpkgs, system: platform };
  const args = [
    ...['--eval', '--strict', '--json', EXPRESSION],
    ...Object.entries(values).flatMap(([name, value]) => ['--argstr', name, value]),
    ...confined(platform, [nixpkgs, tree, dirname(EXPRESSION)]),
  ];
  try {
    const child = spawn('nix-instantiate', args, { env: scratch.env, stdio: ['ignore', 'pipe', 'pipe'], signal });
    const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    const [output, errors, code] = await Promise.all([child.stdout.toArray(), child.stderr.toArray(), ended]);
    if (code === 0) return JSON.parse(Buffer.concat(output).toString());
    const why = readError(Buffer.concat(errors).toString(), tree) || `the evaluator ended with status ${code}`;
    const instead =
      kind === NIXOS
        ? "A release's options.json.br can be had with --from"
        : `Is ${nixpkgs} a nixpkgs of the same time? The options.json of its documentation can be had with --from as well`;
    throw new UserError(`cannot evaluate the options of ${tree}: ${why}. ${instead}`);
  } finally {
    scratch.remove();
  }
}
