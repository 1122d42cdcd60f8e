import * as assert from 'uvu/assert';
import { memorySearch, REVISION, records } from '../http/memory.ts';
import { browserSuite, names, opened, query, rowOf, settled, shown, until } from './browser.ts';

const { inPage, run } = browserSuite('page');

inPage('results appear as one types, and the address follows', '/', async (page, { origin }) => {
  await page.keyboard.type('ripgr'); // the field has the focus from the start
  // On a busy machine the first letters have been searched for before the last is typed.
  await until(page, 'document.title === "ripgr · fdnix" && !document.querySelector("#hits").ariaBusy');
  assert.equal(await names(page), ['ripgrep', 'ripgrep-all']);
  assert.is(page.url(), `${origin}/?q=ripgr`);
  assert.is(await page.title(), 'ripgr · fdnix');
  assert.match(await shown(page.locator('#said')), /^2 results in \d+ ms$/);
  assert.match(
    await shown(page.locator('#about')),
    /^85 packages · 2 options · nixpkgs 241313f4e8 · 20 Jul 2026, \d+ days old$/,
  );
  const credits = 'Uses of software: tldr 5555555555 (CC-BY-4.0), <b>[31mevil r7 (no licence stated)';
  assert.is(await shown(page.locator('#credits')), credits);
  assert.is(await page.locator('#credits a').count(), 1, 'an address that is no web page is no link');
});

inPage('typing asks seldom, and a late answer to an older query is never shown', '/', async (page, _, search) => {
  const delays: Record<string, number> = { j: 400, jq: 0 };
  search.pause = asked => new Promise(resolve => setTimeout(resolve, delays[asked] ?? 0));
  await page.evaluate(`for (let end = 1; end <= 7; end++) {
    q.value = 'ripgrep'.slice(0, end);
    q.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }`);
  await settled(page);
  assert.is(search.asked, 1, 'one burst of typing, one question');
  await page.fill('#q', 'j');
  await page.waitForTimeout(150);
  await page.fill('#q', 'jq');
  await until(page, 'document.querySelector(".hit bdi")?.textContent === "jq"');
  await page.waitForTimeout(500);
  assert.is((await names(page))[0], 'jq');
});

inPage('the keyboard does everything: / arrows enter c esc', '/?q=ripgrep', async page => {
  await settled(page);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const focused = () => page.evaluate('document.activeElement.textContent || document.activeElement.id');
  await page.evaluate('document.activeElement.blur()');
  await page.keyboard.press('/');
  assert.is(await focused(), 'q');
  await page.keyboard.press('ArrowDown');
  assert.is(await focused(), 'ripgrep');
  await page.keyboard.press('ArrowDown');
  assert.is(await focused(), 'ripgrep-all');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await opened(page).waitFor();
  assert.match(await query(page), /open=ripgrep$/);
  await page.keyboard.press('c');
  await until(page, 'document.querySelector(".copy").textContent === "Copied"');
  const copied = await page.evaluate('navigator.clipboard.readText()');
  assert.is(copied, `nix run github:NixOS/nixpkgs/${REVISION}#ripgrep`);
  await page.keyboard.press('Escape');
  assert.is(await opened(page).count(), 0);
  assert.is(await focused(), 'ripgrep');
  await page.keyboard.press('Escape');
  assert.is(await focused(), 'q');
  await page.keyboard.press('Escape');
  assert.is(await page.inputValue('#q'), '');
  assert.is((await names(page)).length, 0);
  await page.keyboard.type('jq');
  await page.keyboard.press('Enter');
  await opened(page).waitFor();
  assert.is(await focused(), 'jq');
});

inPage(
  'an address can be shared, and the back button undoes',
  '/?q=web+browser&platform=aarch64-darwin&unfree=false',
  async page => {
    await settled(page);
    assert.is(await page.inputValue('#q'), 'web browser');
    assert.is(await page.inputValue('#platform'), 'aarch64-darwin');
    assert.is(await page.inputValue('[name=unfree]'), 'false');
    assert.is(await shown(page.locator('#toggle')), 'More filters (1)');
    const first = await names(page);
    assert.ok(
      first.includes('firefox') && !first.includes('google-chrome') && !first.includes('chromium'),
      first.join(),
    );
    await page.click('#clear');
    await until(page, '[...document.querySelectorAll(".hit bdi")].some(b => b.textContent === "google-chrome")');
    await page.fill('#q', 'jq');
    await until(page, 'document.querySelector(".hit bdi")?.textContent === "jq"');
    await page.goBack();
    await until(page, 'document.querySelector("#q").value === "web browser"');
    await page.goBack();
    await until(page, 'document.querySelector("#platform").value === "aarch64-darwin"');
    await until(page, '!document.body.textContent.includes("google-chrome ")');
    assert.equal(await names(page), first);
  },
);

inPage('a link to one package shows it, though no query finds it', '/?open=ripgrep', async page => {
  await opened(page).waitFor();
  assert.equal(await names(page), ['ripgrep']);
});

inPage('a hit shows all of its record', '/?q=google-chrome&open=google-chrome', async (page, { origin }) => {
  await opened(page).waitFor();
  const chrome = records.find(({ packageName }) => packageName === 'google-chrome')!;
  const card = page.locator('.hit.open');
  assert.match(await shown(card.locator('h2')), new RegExp(`google-chrome\\s+${chrome.version}\\s+unfree`));
  assert.is(await shown(card.locator('.description')), chrome.description);
  assert.is(await rowOf(page, 'Homepage'), chrome.homepage);
  assert.is(await rowOf(page, 'Program'), 'google-chrome-stable');
  assert.is(await rowOf(page, 'Licence'), 'unfree');
  assert.match(await rowOf(page, 'Platforms'), /x86_64-linux/);
  assert.match(await rowOf(page, 'Maintainers'), new RegExp(chrome.maintainers[0]!));
  assert.match(await rowOf(page, 'Versions'), /0\.1\s+00000000\s+11111111/);
  const { file, line } = chrome.position!;
  const source = page.locator('.detail dt:text-is("Source") + dd a');
  assert.is(await source.getAttribute('href'), `https://github.com/NixOS/nixpkgs/blob/${REVISION}/${file}#L${line}`);
  await page.click(`button.filter:text-is("${chrome.maintainers[0]}")`);
  await page.waitForURL(url => url.searchParams.get('maintainer') === chrome.maintainers[0]);
  assert.is(new URL(page.url()).origin, origin);
});

inPage(
  'snippets are pinned to the indexed revision and allow what must be allowed',
  '/?q=google-chrome&open=google-chrome',
  async page => {
    await opened(page).waitFor();
    const snippet = async (tab: string) => {
      await page.click(`[role=tab]:text-is("${tab}")`);
      return shown(page.locator('pre'));
    };
    const installable = `github:NixOS/nixpkgs/${REVISION}#google-chrome`;
    assert.is(await snippet('nix run'), `NIXPKGS_ALLOW_UNFREE=1 nix run --impure ${installable}`);
    assert.is(await snippet('nix shell'), `NIXPKGS_ALLOW_UNFREE=1 nix shell --impure ${installable}`);
    const flake = await snippet('flake.nix');
    assert.match(flake, `inputs.nixpkgs.url = "github:NixOS/nixpkgs/${REVISION}";`);
    assert.match(flake, 'import nixpkgs { system = "x86_64-linux"; config = { allowUnfree = true; }; }');
    assert.match(flake, 'packages = [ pkgs.google-chrome ];');
    const nixos = await snippet('NixOS');
    assert.match(nixos, `fetchTarball "https://github.com/NixOS/nixpkgs/archive/${REVISION}.tar.gz"`);
    assert.match(nixos, 'config = { allowUnfree = true; };');
    assert.match(nixos, '}).google-chrome');
  },
);

inPage(
  'a revision that is no commit is neither pinned nor linked',
  '/?q=ripgrep&open=ripgrep',
  async page => {
    await opened(page).waitFor();
    assert.is(await shown(page.locator('pre')), 'nix run nixpkgs#ripgrep');
    assert.is(await page.locator('.detail dt:text-is("Source") + dd a').count(), 0);
  },
  { search: memorySearch(records, { revision: 'nixos-26.11pre1"><script>' }) },
);

inPage(
  'a file of unknown origin is said to be of an unknown revision, and the beginning of a commit pins',
  '/?q=ripgrep&open=ripgrep',
  async (page, { swap }) => {
    await opened(page).waitFor();
    await until(page, 'document.querySelector("#about").textContent.includes("unknown revision")');
    swap(memorySearch(records, { revision: REVISION.slice(0, 12), digest: 'c'.repeat(64) }));
    await page.reload();
    await opened(page).waitFor();
    assert.is(await shown(page.locator('pre')), `nix run github:NixOS/nixpkgs/${REVISION.slice(0, 12)}#ripgrep`);
    assert.is(await page.locator('.detail dt:text-is("Source") + dd a').count(), 1);
  },
  { search: memorySearch(records, { revision: 'sha256-0123456789abcdef', date: undefined }) },
);

inPage(
  'an index without options says so, and offers no example that needs them',
  '/',
  async page => {
    await until(page, 'document.querySelectorAll("#start li").length > 3');
    assert.is(await page.locator('#start a[href*="type=option"]').count(), 0);
    await page.fill('#q', 'nginx');
    await page.locator('label:text-is("Options")').click();
    await until(page, 'document.querySelector("#said").textContent.includes("made without options")');
  },
  { search: memorySearch(records.filter(({ type }) => type === 'package')) },
);

inPage('what the query names and is not there is said, before what is', '/?q=python2', async page => {
  await until(page, '!document.querySelector("#hits").hasAttribute("data-static")');
  assert.match(
    await shown(page.locator('#said')),
    /^python2 is not in this revision; nixpkgs says: 'python2' has been removed/,
  );
});

inPage('options are shown as options', '/?q=nginx&type=option&open=option%3Aservices.nginx.enable', async page => {
  await opened(page).waitFor();
  assert.equal(await names(page), ['services.nginx.enable', 'services.nginx.package']);
  assert.is(await page.locator('.hit .badge.option').count(), 2);
  assert.is(await shown(page.locator('pre')), 'services.nginx.enable = true;');
  assert.is(await page.locator('#start a[href*="type=option"]').count(), 1);
  assert.match(await rowOf(page, 'Declared in'), /nginx\/default\.nix$/);
});

inPage(
  'a server that is gone or fails is said in one line, and the next answer clears it',
  '/',
  async (page, { complaints }, search) => {
    search.pause = () => Promise.reject(new Error('/secret/path'));
    await page.keyboard.type('jq');
    await page.locator('#said.failed').waitFor();
    assert.is(await shown(page.locator('#said')), 'Search failed: This request failed; the server has logged why.');
    assert.match(complaints.join(), 'server: Error: /secret/path');
    search.pause = async () => {};
    await page.context().setOffline(true);
    await page.fill('#q', 'ripgrep');
    await until(page, 'document.querySelector("#said").textContent.includes("cannot be reached")');
    await page.context().setOffline(false);
    await page.fill('#q', 'ripgrep-all');
    await until(page, 'document.querySelector(".hit bdi")?.textContent === "ripgrep-all"');
    assert.is(await page.locator('#said.failed').count(), 0);
  },
  { complains: true },
);

inPage(
  'without script the address, the form and the links do everything',
  '/?q=browser&unfree=true&license=',
  async page => {
    const list = page.locator('#hits li');
    assert.equal(await page.locator('.hit h2 a').allTextContents(), ['google-chrome']);
    assert.is(await page.inputValue('#q'), 'browser');
    assert.is(await page.inputValue('[name=unfree]'), 'true');
    await page.click('.hit h2 a');
    assert.match(await shown(page.locator('.detail')), /nix shell --impure github:NixOS/);
    assert.is(await page.locator('.detail dt:text-is("Homepage") + dd a').count(), 1);
    await page.selectOption('[name=unfree]', '');
    await page.fill('#q', 'e');
    await page.click('button.plain');
    assert.is(await list.count(), 20);
    await page.click('#more-hits');
    assert.is(await list.count(), 40);
    await page.fill('#q', 'zzzz');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=zzzz/);
    assert.match(await shown(page.locator('#said')), /^Nothing found/);
    assert.match(await shown(page.locator('#about')), /^85 packages · 2 options · nixpkgs 241313f4e8/);
  },
  { window: { javaScriptEnabled: false } },
);

inPage('a hit is a link to itself, which opens in a tab of its own', '/?q=ripgrep', async (page, { origin }) => {
  await settled(page);
  const link = page.locator('.hit h2 a').first();
  assert.is(await link.getAttribute('href'), '/?q=ripgrep&open=ripgrep');
  const [other] = await Promise.all([page.context().waitForEvent('page'), link.click({ modifiers: ['Control'] })]);
  await opened(other).waitFor();
  assert.is(other.url(), `${origin}/?q=ripgrep&open=ripgrep`);
  assert.is(await opened(page).count(), 0);
});

inPage('more hits are added below, and whoever comes back finds the same place', '/?q=e', async page => {
  await settled(page);
  assert.is((await names(page)).length, 20);
  await page.evaluate('document.querySelectorAll(".hit")[5].dataset.kept = "yes"');
  await page.click('#further');
  await until(page, 'document.querySelectorAll(".hit").length === 40');
  assert.is(
    await page.evaluate('[...document.querySelectorAll(".hit")].indexOf(document.activeElement.closest(".hit"))'),
    20,
  );
  assert.is(await page.evaluate('document.querySelectorAll(".hit")[5].dataset.kept'), 'yes');
  assert.is(new Set(await names(page)).size, 40);
  const name = (await names(page))[30]!;
  await page.locator('.hit h2 a').nth(30).click();
  await opened(page).waitFor();
  await page.goBack();
  await until(page, '!document.querySelector(".hit.open")');
  assert.is((await names(page)).length, 40);
  await page.reload();
  await until(page, 'document.querySelectorAll("#hits:not([data-static]) .hit").length === 40');
  assert.is((await names(page))[30], name);
});

inPage(
  'after an outage the page asks again by itself, and keeps what it shows meanwhile',
  '/?q=ripgrep',
  async page => {
    await settled(page);
    await page.context().setOffline(true);
    await page.fill('#q', 'jq');
    await until(page, 'document.querySelector("#said").textContent.includes("Trying again in")');
    assert.equal(await names(page), ['ripgrep', 'ripgrep-all']);
    await page.context().setOffline(false);
    await until(page, 'document.querySelector(".hit bdi")?.textContent === "jq"');
    assert.is(await page.locator('#said.failed').count(), 0);
  },
  { complains: true },
);

inPage('the page tells when another index has arrived', '/?q=ripgrep', async (page, { swap }) => {
  await settled(page);
  await until(page, 'document.querySelector("#about").textContent.includes("2026")');
  swap(
    memorySearch(
      records.filter(({ packageName }) => packageName !== 'ripgrep'),
      { digest: 'c'.repeat(64) },
    ),
  );
  await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))');
  await page.locator('#news').waitFor();
  assert.match(await shown(page.locator('#news')), /^A newer index is served now\.\s*Search it$/);
  assert.equal(await names(page), ['ripgrep', 'ripgrep-all']);
  await page.click('#news button');
  await until(page, 'document.querySelector(".hit bdi")?.textContent === "ripgrep-all"');
  assert.ok(await page.locator('#news').isHidden());
});

run();
