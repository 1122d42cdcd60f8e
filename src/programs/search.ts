import { main } from '../cli/main.ts';

process.exitCode = await main(['search', ...process.argv.slice(2)]);
