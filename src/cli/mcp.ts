import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { openBlobs } from '../blobs/blobs.ts';
import { EXIT } from '../errors.ts';
import { localIndex } from '../index/publish.ts';
import { serveTools } from '../mcp/server.ts';
import { openSearch } from '../search/open.ts';
import { command } from './command.ts';

export default command({
  usage: 'mcp',
  options: {},
  untilInterrupted: true,
  examples: [
    ['claude mcp add nixpkgs -- fdnix mcp', 'for an agent: search, show and versions of the indexed nixpkgs'],
    ['$0 mcp --index blobs:current', 'over the index that is published'],
  ],
  async run(args, { config, signal }) {
    const file = await localIndex(config.index, () => openBlobs(config.blobs), config.home);
    const search = await openSearch(file, args.model === undefined ? {} : { model: args.model });
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
