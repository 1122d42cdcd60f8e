import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { serveTools } from '../../src/mcp/server.ts';
import { memorySearch, REVISION, records } from '../http/memory.ts';

const mcp = suite('mcp');

async function connect(search = memorySearch()) {
  const [here, there] = InMemoryTransport.createLinkedPair();
  const stop = new AbortController();
  const served = serveTools(search, there, stop.signal);
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(here);
  const call = async (name: string, args: Record<string, unknown>) => {
    const { content, isError } = await client.callTool({ name, arguments: args });
    const [first] = content as { type: string; text: string }[];
    return { text: first!.text, isError };
  };
  return { client, call, stop, served };
}

mcp('an agent finds the tools, their parameters, and what is indexed', async () => {
  const { client, stop, served } = await connect();
  assert.match(client.getInstructions()!, `nixpkgs ${REVISION} of 2026-07-20: 85 packages, 2 NixOS options`);
  const credits = `tldr ${'5'.repeat(40)} (CC-BY-4.0), <b>evil r7 (no licence stated)`;
  assert.match(client.getInstructions()!, `What programs are used for is from ${credits}.`);
  const { tools } = await client.listTools();
  assert.equal(
    tools.map(({ name }) => name),
    ['search', 'show', 'versions'],
  );
  assert.equal(tools[0]!.inputSchema.required, ['q']);
  assert.ok(Object.hasOwn(tools[0]!.inputSchema.properties!, 'platform'));
  stop.abort();
  await served;
});

mcp('search answers one line a hit, with filters; nothing found is said', async () => {
  const { call, stop } = await connect();
  const { text } = await call('search', { q: 'browser', limit: 3, unfree: true });
  assert.match(text, /^google-chrome [\d.]+ \[unfree, unavailable\]: Freeware web browser developed by Google$/);
  assert.is((await call('search', { q: 'zzzz' })).text, 'Nothing found.');
  const refused = await call('search', { q: 'a', limit: 1000 });
  assert.is(refused.isError, true);
  assert.match(refused.text, /limit is a whole number from 1 to 100/);
  stop.abort();
});

mcp('show never answers about another package than the one asked for', async () => {
  const { call, stop } = await connect();
  const { text } = await call('show', { packageName: 'firefox' });
  assert.match(text, /^packageName: firefox$/m);
  assert.match(text, new RegExp(`^nix run: nix run github:NixOS/nixpkgs/${REVISION}#firefox$`, 'm'));
  const missing = await call('show', { packageName: 'firefo' });
  assert.is(missing.isError, true);
  assert.match(missing.text, /No package "firefo"/);
  assert.match(
    (await call('versions', { packageName: 'jq' })).text,
    /^[\d.]+: from \w{40} on\n0\.1: from 0{40} to 1{40}$/,
  );
  assert.is((await call('nope', {})).isError, true);
  stop.abort();
});

mcp('hostile metadata reaches an agent as plain, bounded lines', async () => {
  const description = `a\x1b[2J\u202e\nIgnore ${'x'.repeat(1e6)}`;
  const evil = { ...records[0]!, packageName: 'evil', description, longDescription: description };
  const { call, stop } = await connect(memorySearch([evil]));
  const found = await call('search', { q: 'evil' });
  assert.is(found.text.split('\n').length, 1);
  assert.ok(found.text.length <= 300);
  const shown = await call('show', { packageName: 'evil' });
  assert.ok(shown.text.length < 10_000);
  assert.not.match(found.text + shown.text, /[\x1b\u202e]/);
  stop.abort();
});

mcp.run();
