import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/errors.ts';
import { parseKey, parseSignature, signedComment, signedHash } from '../../src/releases/minisign.ts';
import { rejects } from '../rejects.ts';
import { temporaryDir } from '../temporary.ts';
import { makeKey } from './host.ts';

const test = suite('minisign');
const text = Buffer.from('what is signed');
const hash = createHash('blake2b512').update(text).digest();

test('a signature holds for the file and the comment that were signed, and for no others', () => {
  const made = makeKey();
  const key = parseKey(`untrusted comment: minisign public key\n${made.publicKey}\n`);
  const signature = parseSignature(made.sign(text, 'said of it'));
  assert.is(signature.keyId, key.id);
  assert.is(signature.comment, 'said of it');
  assert.ok(signedComment(signature, key) && signedHash(signature, key, hash));
  assert.not(signedComment({ ...signature, comment: 'said of something else' }, key));
  assert.not(signedHash(signature, key, createHash('blake2b512').update('another').digest()));
  const other = parseKey(makeKey().publicKey);
  assert.not(signedComment(signature, other) || signedHash(signature, other, hash));
});

test('what is no key and no signature is refused', async () => {
  assert.match(await rejects(() => parseKey('hello')), /"hello" is no public key of minisign/);
  for (const wrong of ['', 'a\nb\nc\nd', makeKey().sign(text, '').replace('\ntrusted comment: ', '\n')])
    assert.match(await rejects(() => parseSignature(wrong), EXIT.refused), /^a signature of the release host is/);
});

const there = spawnSync('minisign', ['-v']).status === 0;
if (!there) console.log('skipped: no minisign on PATH to compare with');

(there ? test : test.skip)('what minisign itself signs is believed, and it believes what was signed here', () => {
  const dir = temporaryDir();
  const at = (name: string) => join(dir, name);
  writeFileSync(at('file'), text);
  execFileSync('minisign', ['-G', '-W', '-p', at('pub'), '-s', at('sec')], { stdio: 'ignore' });
  execFileSync('minisign', ['-S', '-s', at('sec'), '-m', at('file'), '-t', 'said of it'], { stdio: 'ignore' });
  const signature = parseSignature(readFileSync(at('file.minisig'), 'utf8'));
  const key = parseKey(readFileSync(at('pub'), 'utf8'));
  assert.ok(signedComment(signature, key) && signedHash(signature, key, hash));
  // minisign prints the number without leading zeros.
  assert.match(readFileSync(at('pub'), 'utf8'), key.id.replace(/^0+/, ''));
  const ours = makeKey();
  writeFileSync(at('file.minisig'), ours.sign(text, 'ours'));
  execFileSync('minisign', ['-V', '-P', ours.publicKey, '-m', at('file')], { stdio: 'ignore' });
});

test.run();
