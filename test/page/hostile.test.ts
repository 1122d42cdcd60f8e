import * as assert from 'uvu/assert';
import type { Package } from '../../src/package.ts';
import { memorySearch, REVISION, records } from '../http/memory.ts';
import { browserSuite, opened, rowOf, settled, shown, until } from './browser.ts';

const { inPage, run } = browserSuite('page, hostile input');

const EVIL = '<img src=x onerror=alert(1)><script>alert(2)</script>';
const BIDI = '\u202egpj.\u2066exe\u2069\u200b\u{e0041}';
const hostile: Package = {
  ...records.find(({ packageName }) => packageName === 'jq')!,
  packageName: 'hostile\'; $(touch /tmp/owned); `id` "${evil}"',
  pname: 'hostile"; ${evil}',
  version: `1${BIDI}\x1b[31m`,
  description: `hostile ${EVIL} \x1b]0;title\x07 ${BIDI} \ud800 ${'x'.repeat(1_000_000)}`,
  longDescription: `${EVIL}\n${'y '.repeat(500_000)}`,
  homepage: 'javascript:alert(3)//https://',
  changelog: 'data:text/html,<script>alert(4)</script>',
  license: EVIL,
  licenses: [EVIL],
  maintainers: [EVIL, BIDI, ...Array(5000).fill('m'.repeat(5000))],
  platforms: [EVIL, ...Array(5000).fill('p')],
  mainProgram: `rm -rf ~ ${EVIL}`,
  insecure: true,
  knownVulnerabilities: [EVIL],
  position: { file: `../../../"><script>alert(5)</script>/${BIDI}`, line: 1 },
};

inPage(
  'hostile metadata is text: no markup, no script, no disguise, no end',
  '/?q=hostile',
  async page => {
    await page.evaluate('window.alert = text => { throw new Error(`alert ${text}`) }');
    await settled(page);
    await page.click('.hit h2 a');
    await opened(page).waitFor();
    const text = (await page.evaluate('document.body.innerText')) as string;
    assert.match(text, '<img src=x onerror=alert(1)>');
    assert.not.match(text, /[\u202a-\u202e\u2066-\u2069\u200b\x1b\x07]|[\ud800-\udbff](?![\udc00-\udfff])/);
    assert.ok(text.length < 60_000, `${text.length} characters shown`);
    assert.is(await page.locator('main img, main script, main style, main iframe').count(), 0);
    const addresses = await page.evaluate('[...document.links].map(link => link.href)');
    assert.equal(
      (addresses as string[]).filter(address => !/^https?:/.test(address)),
      [],
    );
    assert.match(await rowOf(page, 'Homepage'), 'javascript:alert(3)');
    assert.is(await page.locator('.detail dt:text-is("Homepage") + dd a').count(), 0);
    // What is copied is one harmless shell word whatever the name holds.
    const word = (await shown(page.locator('pre'))).split('--expr ')[1]!;
    const name = '"hostile\'; $(touch /tmp/owned); `id` \\"\\${evil}\\""'.replace("'", "'\\''");
    assert.is(
      word,
      `'(builtins.getFlake "github:NixOS/nixpkgs/${REVISION}").legacyPackages.\${builtins.currentSystem}.${name}'`,
    );
    await page.click('[role=tab]:text-is("NixOS")');
    assert.match(await shown(page.locator('pre')), 'permittedInsecurePackages = [ "hostile\\"; \\${evil}-1');
  },
  { search: memorySearch([...records, hostile]) },
);

inPage(
  'hostile metadata and queries are text where no script runs, too',
  `/?q=hostile&open=${encodeURIComponent(hostile.packageName)}&set=${encodeURIComponent(EVIL)}`,
  async (page, { origin }) => {
    await page.goto(`${origin}/?q=hostile&open=${encodeURIComponent(hostile.packageName)}`);
    const html = await page.content();
    assert.ok(html.length < 100_000, `${html.length} characters`);
    assert.is(await page.locator('main img, main script, main style, main iframe').count(), 0);
    assert.is(await page.locator('main a[href^="javascript"], main a[href^="data"]').count(), 0);
    assert.not.match(await shown(page.locator('main')), /[\u202a-\u202e\u2066-\u2069\u200b\x1b\x07]/);
    assert.match(await shown(page.locator('.hit.open .detail')), '<img src=x onerror=alert(1)>');
  },
  { search: memorySearch([...records, hostile]), window: { javaScriptEnabled: false } },
);

inPage(
  'hostile queries in the address and in the field are only text',
  `/?q=${encodeURIComponent(EVIL)}&open=${encodeURIComponent(EVIL)}&platform=%22%3E%3Cscript%3E`,
  async page => {
    await until(page, 'document.querySelector("#said").textContent !== ""');
    for (const text of ['"', '((((', '\\', '[a-', '*', '𝕏\u0000', 'x'.repeat(100_000), '${a}']) {
      await page.fill('#q', text);
      await page.waitForTimeout(120);
      await until(page, '!document.querySelector("#hits").hasAttribute("aria-busy")');
    }
    assert.is(await page.locator('main img, main script').count(), 0);
  },
  { complains: true },
);

inPage(
  'the policy stops a script that got in all the same',
  '/',
  async (page, { complaints }) => {
    const evaluation = await page.evaluate(`
    const script = document.createElement('script');
    try { script.textContent = 'window.owned = 1'; document.body.append(script); } catch {}
    try { document.body.innerHTML += '<img src=https://example.org/x onerror="window.owned = 2">'; } catch {}
    fetch('https://example.org/').then(() => { window.owned = 3 }, () => {});
    new Promise(resolve => setTimeout(() => resolve(window.owned ?? null), 300))`);
    assert.is(evaluation, null);
    assert.match(complaints.join('\n'), /Content Security Policy/);
  },
  { complains: true },
);

run();
