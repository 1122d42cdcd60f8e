import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commitIn, isCommit, revisionName } from '../src/revision.ts';

const test = suite('revisions');
const COMMIT = '241313f4e8e508cb9b13278c2b0fa25b9ca27163';

test('names of releases tell the beginning of their commit', () => {
  const known: [string, string | null][] = [
    ['https://releases.nixos.org/nixos/unstable/nixos-26.11pre923456.241313f4e8e5/packages.json.br', '241313f4e8e5'],
    ['https://releases.nixos.org/nixpkgs/nixpkgs-26.11pre923456.241313f4e8e/packages.json.br', '241313f4e8e'],
    ['/data/nixos-26.05.812345.abcdef012345/options.json.br', 'abcdef012345'],
    ['nixos-26.11-small.812345.abcdef012345.packages.json', 'abcdef012345'],
    ['https://channels.nixos.org/nixos-unstable/packages.json.br', null],
    ['packages.json.br', null],
    ['/home/deadbeef1234/packages.json', null],
  ];
  for (const [address, commit] of known) assert.is(commitIn(address), commit, address);
  assert.ok(isCommit(COMMIT) && isCommit('241313f4e8e5'));
});

test('what is known by its contents only has no name', () => {
  assert.is(revisionName('sha256-0123456789abcdef'), 'unknown revision');
  assert.is(revisionName(`26.11-sha256-${'a'.repeat(64)}`), '26.11, unknown revision');
  for (const known of [COMMIT, `${COMMIT}-dirty`, 'nixos-26.11']) assert.is(revisionName(known), known);
});

test.run();
