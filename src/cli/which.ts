import { EXIT, UserError } from '../errors.ts';
import type { Sureness } from '../programs/programs.ts';
import type { Provider } from '../search/programs.ts';
import { snippetsFor } from '../snippets.ts';
import { forTerminal } from '../text.ts';
import { command } from './command.ts';
import { clip, flagsOf } from './detail.ts';
import { jsonLine, lookOf, styler } from './hit.ts';
import { HOOKS, hook } from './hooks.ts';
import { openIndexed } from './open.ts';

/** For people: what each degree of sureness is based on. */
const MEANS: Record<Sureness, string> = {
  declared: 'nixpkgs declares it',
  listed: 'a list of built packages has it',
  likely: 'Debian has it in its package of the same software',
};
/** How many packages are named for an unknown command. */
const MOST_NOT_FOUND = 5;

export default command({
  usage: 'which [program]',
  options: {
    program: { string: true, hidden: true },
    'not-found': {
      boolean: true,
      default: false,
      describe: 'answer on stderr, as a shell does for an unknown command',
    },
    hook: { choices: HOOKS, describe: 'print the hook by which this shell asks fdnix about unknown commands' },
  },
  examples: [
    ['$0 which dig', 'the packages that have it, and how sure that is'],
    ['$0 which npm --json', 'one JSON object for each package'],
    ['eval "$($0 which --hook bash)"', 'in ~/.bashrc: the shell says which package an unknown command is in'],
  ],
  async run(args, context) {
    const { config, out, log } = context;
    if (args.hook) {
      await out(hook(args.hook, 'fdnix'));
      return EXIT.ok;
    }
    const [program, ...more] = [...(args.program === undefined ? [] : [args.program]), ...args._.slice(1)].map(String);
    if (!program || more.length > 0) throw new UserError("name one program, such as 'fdnix which dig'");
    if (args['not-found']) return notFound(program);
    const search = await openIndexed(args, config);
    try {
      const found = search.which(program);
      const { revision, programs } = search.info;
      for (const { package: pkg, sure, also } of found)
        if (args.json) {
          const { packageName, version, description } = pkg;
          const snippets = snippetsFor(pkg, { revision });
          await out(
            jsonLine({ program, packageName, version, description, flags: flagsOf(pkg), sure, also, snippets }),
          );
        }
      if (!args.json) await out(lines(found));
      if (found.length === 0)
        log(`no package is known to have a program ${JSON.stringify(program)}${hint(programs.kind)}`);
      else if (!args.json)
        log(`${legend(found)}${found.some(({ sure }) => sure === 'likely') ? hint(programs.kind) : ''}`);
      return found.length > 0 ? EXIT.ok : EXIT.none;
    } finally {
      await search.close();
    }

    /** What a shell shows for an unknown command. Without an index it is the message of the shell itself. */
    async function notFound(name: string): Promise<number> {
      const opened = await openIndexed(args, config).catch(() => null);
      const found = opened?.which(name).slice(0, MOST_NOT_FOUND) ?? [];
      await opened?.close();
      const unknown = `${forTerminal(name)}: command not found`;
      if (found.length === 0) {
        process.stderr.write(`${unknown}\n`);
        return EXIT.none;
      }
      // The commands use the user's own nixpkgs instead of the indexed commit.
      const rows = found.map(({ package: pkg, sure }) => {
        const shell = snippetsFor(pkg, { revision: '' }).find(({ name }) => name === 'nix shell')!.text;
        return `  ${forTerminal(shell)}${sure === 'likely' ? '   (likely)' : ''}\n`;
      });
      process.stderr.write(`${unknown}. To have it in a shell:\n${rows.join('')}`);
      return EXIT.ok;
    }
  },
});

function lines(found: readonly Provider[]): string {
  const look = lookOf();
  const style = styler(look.color);
  const width = Math.max(0, ...found.map(({ package: { packageName } }) => packageName.length));
  return found
    .map(({ package: pkg, sure, also }) => {
      const flags = flagsOf(pkg).map(flag => style(flag === 'unfree' ? 'yellow' : 'red', `[${flag}]`));
      const head = [
        style('bold', forTerminal(pkg.packageName).padEnd(width)),
        sure.padEnd(8),
        forTerminal(pkg.version),
      ];
      const text = forTerminal(pkg.description ?? '');
      const others = also.length > 0 ? `also: ${also.slice(0, 4).map(forTerminal).join(', ')}` : '';
      return [[...head, ...flags].join('  '), ...[text, others].filter(Boolean).map(line => `    ${line}`)]
        .map(line => (look.width === null || look.color ? line : clip(line, look.width)))
        .map(line => `${line}\n`)
        .join('');
    })
    .join('');
}

/** A legend of the degrees that occur in the answer. */
function legend(found: readonly Provider[]): string {
  const degrees = [...new Set(found.map(({ sure }) => sure))];
  return degrees.map(sure => `${sure}: ${MEANS[sure]}`).join('; ');
}

function hint(kind: string): string {
  return kind === 'debian' ? ". A list of this nixpkgs knows more: see 'fdnix extract --help', --programs" : '';
}
