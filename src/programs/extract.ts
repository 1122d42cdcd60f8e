import { main } from '../cli/main.ts';

process.exitCode = await main(['extract', ...process.argv.slice(2)]);
