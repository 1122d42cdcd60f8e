export const HOOKS = ['bash', 'zsh', 'fish'] as const;
type HookShell = (typeof HOOKS)[number];

/** Shell code that asks `fdnix which` about unknown commands. `program` is the command that starts fdnix. */
export function hook(shell: HookShell, program: string): string {
  const ask = `${program} which --not-found --quiet --`;
  switch (shell) {
    // POSIX demands exit status 127 for a command that is not found.
    case 'bash':
      return `command_not_found_handle() {\n  ${ask} "$1"\n  return 127\n}\n`;
    case 'zsh':
      return `command_not_found_handler() {\n  ${ask} "$1"\n  return 127\n}\n`;
    case 'fish':
      return `function fish_command_not_found\n  ${ask} $argv[1]\nend\n`;
  }
}
