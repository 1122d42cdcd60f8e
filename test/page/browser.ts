import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp } from '../../src/http/app.ts';
import { createNodeServer, readPage, stopServer } from '../../src/http/node.ts';
import type { Search } from '../../src/search/open.ts';
import { type Memory, memorySearch } from '../http/memory.ts';

/** The first Chromium on PATH, or null. */
export function findChromium(): string | null {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const path of names.flatMap(name => folders.map(folder => join(folder, name)))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return null;
}

/** Headless, for any user including root, and silent: it talks only to the server under test. */
export function launch(executablePath: string): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', ...quiet];
  return chromium.launch({ executablePath, args });
}

export interface Opened {
  page: Page;
  /** Everything that the page reported: errors, console, violations of its policy, requests to other servers. */
  complaints: string[];
  origin: string;
  /** Another index takes over. */
  swap(search: Search): void;
  close(): Promise<void>;
}

/** The real page, served over a search, in a window of its own. */
export async function openPage(
  browser: Browser,
  search: Search,
  path = '/',
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const html = await readPage();
  const complaints: string[] = [];
  const appOver = (search: Search) => createApp(search, html, error => complaints.push(`server: ${error}`));
  let app = appOver(search);
  const server = createNodeServer(request => app(request));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const context = await browser.newContext({ viewport: { width: 900, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('pageerror', error => complaints.push(error.message));
  page.on('console', message => complaints.push(`console: ${message.text()}`));
  page.on('request', request => {
    if (!/^(http:\/\/127\.0\.0\.1|data:)/.test(request.url())) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(origin + path);
  const close = async () => {
    await context.close();
    await stopServer(server, 100);
  };
  const swap = (search: Search) => {
    app = appOver(search);
  };
  return { page, complaints, origin, swap, close };
}

/** A suite of tests in a browser. Each test has a window of its own and fails for everything that the page reports. */
export function browserSuite(name: string) {
  const page = suite(name);
  const chromium = findChromium();
  let browser: Browser;
  if (chromium === null) {
    console.log(`skipped: ${name}, there is no Chromium on PATH (apt-get install chromium)`);
  } else {
    page.before(async () => {
      browser = await launch(chromium);
    });
    page.after(() => browser.close());
  }

  function inPage(
    name: string,
    path: string,
    body: (page: Page, opened: Opened, search: Memory) => Promise<void>,
    options: { search?: Memory; window?: BrowserContextOptions; complains?: boolean } = {},
  ): void {
    const run = async () => {
      const search = options.search ?? memorySearch();
      const opened = await openPage(browser, search, path, options.window);
      try {
        await body(opened.page, opened, search);
        if (!options.complains) assert.equal(opened.complaints, []);
      } finally {
        await opened.close();
      }
    };
    (chromium === null ? page.skip : page)(name, run);
  }
  return { inPage, run: page.run };
}

/** Waits until an expression holds. It polls from here, because the page's policy forbids evaluating text. */
export async function until(page: Page, expression: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await page.evaluate(expression))) {
    if (Date.now() > end) throw new Error(`waited 10 s in vain for ${expression}`);
    await page.waitForTimeout(20);
  }
}

export const names = (page: Page) => page.locator('#hits:not([data-static]) .hit h2 a').allTextContents();
export const settled = (page: Page) =>
  until(page, 'document.querySelector("#hits:not([data-static])")?.children.length > 0');
export const query = (page: Page) => page.evaluate('location.search') as Promise<string>;
export const opened = (page: Page) => page.locator('#hits:not([data-static]) .hit.open .detail');
export const rowOf = (page: Page, title: string) => shown(page.locator(`.detail dt:text-is("${title}") + dd`).first());

/** The text as it is laid out, because only what is shown is tested. */
export const shown = (element: Locator) => element.innerText();
