import { EXIT } from '../errors.ts';
import { command } from './command.ts';
import { describeCommands } from './describe.ts';
import { completions, SHELLS, type Shell } from './shells.ts';

export default command({
  usage: 'completions <shell>',
  options: { shell: { choices: SHELLS, hidden: true } },
  examples: [
    ['$0 completions bash > ~/.local/share/bash-completion/completions/fdnix', 'bash, from the next shell on'],
    ['$0 completions fish > ~/.config/fish/completions/fdnix.fish', 'fish'],
    ['eval "$($0 completions zsh)"', 'zsh, in ~/.zshrc after compinit'],
  ],
  async run(args, { out }) {
    await out(completions(args.shell as Shell, await describeCommands()));
    return EXIT.ok;
  },
});
