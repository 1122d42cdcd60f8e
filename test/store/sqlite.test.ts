import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/store.ts';
import { storeContract } from './contract.ts';

storeContract('sqlite', async () => {
  const store = await openStore(`sqlite:${join(mkdtempSync(join(tmpdir(), 'fdnix-')), 'store.sqlite')}`, {
    create: true,
  });
  await store.init();
  return store;
});
