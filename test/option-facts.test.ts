import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  NIXOS,
  type OptionFacts,
  optionName,
  readOptionFacts,
  readOptionName,
  writeOptionFacts,
} from '../src/option-facts.ts';

const test = suite('option facts');
const none: OptionFacts = { text: null, type: null, readOnly: false, default: null, example: null };

test('what is written is read again', () => {
  const facts: OptionFacts[] = [
    none,
    { ...none, text: 'Only words.\n\nMore of them.' },
    { ...none, type: 'boolean' },
    { ...none, type: 'list of string', readOnly: true, default: '[\n  "a"\n\n  "b"\n]' },
    { ...none, type: 'string', example: "''\n  Default: x\n''" },
    { text: 'Type: of what?\n\nSecond.', type: 'null or\n  path', readOnly: true, default: 'null', example: './a' },
  ];
  for (const fact of facts) assert.equal(readOptionFacts(writeOptionFacts(fact)), fact);
});

test('a text without facts is a text', () => {
  assert.is(writeOptionFacts(none), null);
  assert.equal(readOptionFacts('No facts here.'), { ...none, text: 'No facts here.' });
});

test('a name tells its scope, and never takes a path for one', () => {
  const names: [string, string, string][] = [
    ['services.nginx.enable', NIXOS, 'option:services.nginx.enable'],
    ['programs.git.enable', 'home-manager', 'option:home-manager/programs.git.enable'],
    ['environment.etc."a/b".text', NIXOS, 'option:environment.etc."a/b".text'],
  ];
  for (const [path, scope, name] of names) {
    assert.is(optionName(path, scope), name);
    assert.equal(readOptionName(name), { scope, path });
  }
  assert.is(readOptionName('ripgrep'), null);
});

test.run();
