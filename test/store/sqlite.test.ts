import { join } from 'node:path';
import { openStore } from '../../src/store/store.ts';
import { temporaryDir } from '../temporary.ts';
import { storeContract } from './contract.ts';

storeContract('sqlite', async () => {
  const store = await openStore(`sqlite:${join(temporaryDir(), 'store.sqlite')}`, { create: true });
  await store.init();
  return store;
});
