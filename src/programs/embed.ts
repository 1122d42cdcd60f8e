import { main } from '../cli/main.ts';

process.exitCode = await main(['embed', ...process.argv.slice(2)]);
