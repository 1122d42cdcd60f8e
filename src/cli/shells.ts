import { COMMON_FLAGS, type Described, type Flag } from './describe.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A completion script. For arguments, and after a flag whose values are not listed, the shell completes file names. */
export function completions(shell: Shell, commands: readonly Described[]): string {
  return { bash, zsh, fish }[shell](commands);
}

function bash(commands: readonly Described[]): string {
  const names = commands.map(command => command.name);
  const values = commands
    .flatMap(command => command.flags)
    .concat(COMMON_FLAGS)
    .filter(flag => flag.takesValue);
  const files = [...new Set(values.filter(flag => flag.choices.length === 0).map(flag => `*:--${flag.name}`))];
  const listed = commands.flatMap(({ name, flags }) =>
    flags.filter(flag => flag.choices.length > 0).map(flag => [`${name}:--${flag.name}`, flag.choices] as const),
  );
  const words = (list: readonly string[]) => `COMPREPLY=($(compgen -W ${quote(list.join(' '))} -- "$current"))`;
  return `# bash completions of fdnix: fdnix completions bash > ~/.local/share/bash-completion/completions/fdnix
_fdnix() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${names.join('|')}) command=$word; break ;; esac
  done
  COMPREPLY=()
  case $command:$before in
${listed.map(([pattern, choices]) => `    ${pattern}) ${words(choices)}; return ;;`).join('\n')}
    ${files.join('|')}) return ;;
  esac
  case $command:$current in
    :*) ${words([...names, '--help', '--version'])} ;;
${commands
  .map(({ name, flags, choices }) => {
    const all = [...flags, ...COMMON_FLAGS].flatMap(spellings);
    const argument = choices.length > 0 ? `    ${name}:*) ${words(choices)} ;;\n` : '';
    return `    ${name}:-*) ${words([...all, '--help'])} ;;\n${argument}`;
  })
  .join('')}  esac
}
complete -o default -F _fdnix fdnix
`;
}

function zsh(commands: readonly Described[]): string {
  const spec = (flag: Flag) => {
    const value = flag.takesValue
      ? `:${flag.name}:${flag.choices.length > 0 ? `(${flag.choices.join(' ')})` : '_files'}`
      : '';
    const text = `[${plain(flag.describe)}]${value}`;
    return flag.short
      ? `${quote(`(-${flag.short} --${flag.name})`)}{-${flag.short},--${flag.name}}${quote(text)}`
      : quote(`--${flag.name}${text}`);
  };
  const list = (flags: readonly Flag[]) => {
    const negated = flags.flatMap(flag =>
      spellings(flag)
        .slice(1)
        .map(name => quote(`${name}[not: ${plain(flag.describe)}]`)),
    );
    return [...flags.map(spec), ...negated].map(one => `\n        ${one}`).join(' \\');
  };
  return `#compdef fdnix
# zsh completions of fdnix: fdnix completions zsh > a folder of $fpath, as _fdnix
_fdnix() {
  local line state
  _arguments -C '--help[show help]' '--version[show the version]' '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      local -a commands=(
${commands.map(({ name, describe }) => `        ${quote(`${name}:${describe.replace(/:/g, '\\:')}`)}`).join('\n')}
      )
      _describe command commands ;;
    argument)
      case $line[1] in
${commands
  .map(({ name, flags, choices }) => {
    const argument = choices.length > 0 ? `'1:argument:(${choices.join(' ')})'` : "'*:argument:_files'";
    return `      ${name}) _arguments ${argument} \\${list([...flags, ...COMMON_FLAGS])} ;;`;
  })
  .join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = _fdnix ]; then _fdnix "$@"; else compdef _fdnix fdnix; fi
`;
}

function fish(commands: readonly Described[]): string {
  const line = (condition: string, flag: Flag): string[] => {
    const short = flag.short ? ` -s ${flag.short}` : '';
    const value = !flag.takesValue ? '' : flag.choices.length > 0 ? ` -x -a ${quote(flag.choices.join(' '))}` : ' -r';
    const start = `complete -c fdnix -n ${quote(condition)}`;
    const negated = spellings(flag)
      .slice(1)
      .map(name => `${start} -l ${name.slice(2)} -d ${quote(`not: ${flag.describe}`)}`);
    return [`${start}${short} -l ${flag.name}${value} -d ${quote(flag.describe)}`, ...negated];
  };
  const names = commands.map(command => command.name).join(' ');
  return `# fish completions of fdnix: fdnix completions fish > ~/.config/fish/completions/fdnix.fish
${commands
  .flatMap(({ name, describe, flags, choices }) => {
    const condition = `__fish_seen_subcommand_from ${name}`;
    const own = `complete -c fdnix -n ${quote(`not __fish_seen_subcommand_from ${names}`)} -f -a ${name} -d ${quote(describe)}`;
    const argument =
      choices.length > 0 ? [`complete -c fdnix -n ${quote(condition)} -f -a ${quote(choices.join(' '))}`] : [];
    return [own, ...argument, ...flags.flatMap(flag => line(condition, flag))];
  })
  .join('\n')}
${COMMON_FLAGS.flatMap(flag => line(`__fish_seen_subcommand_from ${names}`, flag)).join('\n')}
complete -c fdnix -s h -l help -d 'show help'
complete -c fdnix -n ${quote(`not __fish_seen_subcommand_from ${names}`)} -l version -d 'show the version'
`;
}

/** Of `--unfree` and `--no-unfree` one may be given, or neither. */
function spellings({ name, takesValue, default: standard }: Flag): string[] {
  return !takesValue && standard === undefined ? [`--${name}`, `--no-${name}`] : [`--${name}`];
}

/** Escapes a text for the brackets of a zsh specification. */
function plain(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
