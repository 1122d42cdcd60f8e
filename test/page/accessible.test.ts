import axe from 'axe-core';
import * as assert from 'uvu/assert';
import { browserSuite, opened } from './browser.ts';

const { inPage, run } = browserSuite('page, accessible');

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [width, path] of [
    [900, '/'],
    [900, '/?q=the&open=google-chrome'],
    [320, '/?q=nginx&open=option%3Aservices.nginx.enable'],
    [320, '/?q=the&open=cudaPackages.tensorrt'],
  ] as const) {
    inPage(
      `accessible and within the window: ${colorScheme}, ${width} px, ${path}`,
      path,
      async page => {
        if (path === '/') await page.click('#toggle');
        else await opened(page).waitFor();
        await page.evaluate('document.querySelectorAll("details").forEach(one => { one.open = true })');
        // Colours that are still changing have the contrast of neither state.
        await page.evaluate('Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {})))');
        await page.evaluate(`window.module = undefined; ${axe.source}`);
        const { violations, passes } = (await page.evaluate('axe.run()')) as axe.AxeResults;
        assert.equal(
          violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 200)} ${nodes[0]!.failureSummary}`),
          [],
        );
        assert.ok(passes.length > 20);
        const wide = await page.evaluate('document.documentElement.scrollWidth');
        assert.ok((wide as number) <= width, `${wide} px wide`);
      },
      { window: { colorScheme, viewport: { width, height: 800 } } },
    );
  }
}

run();
