import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { EXIT } from '../errors.ts';
import { serveTools } from '../mcp/server.ts';
import { command } from './command.ts';
import { openIndexed } from './open.ts';

export default command({
  usage: 'mcp',
  options: {},
  untilInterrupted: true,
  examples: [
    ['claude mcp add nixpkgs -- fdnix mcp', 'for an agent: search, show and versions of the indexed nixpkgs'],
    ['$0 mcp --index blobs:current', 'over the index that is published'],
  ],
  async run(args, { config, signal }) {
    const search = await openIndexed(args, config);
    try {
      const transport = new StdioServerTransport();
      process.stdin.once('end', () => transport.close());
      await serveTools(search, transport, signal);
    } finally {
      await search.close();
    }
    return EXIT.ok;
  },
});
