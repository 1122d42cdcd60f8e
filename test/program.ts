import { join } from 'node:path';

/**
 * The program as tests start it: what `test/run.ts` has built, because that is what ships, and it starts with less CPU. A
 * test file that is run by itself starts the sources.
 */
export const PROGRAM = process.env.FDNIX_TEST_PROGRAM ?? join(import.meta.dirname, '../src/fdnix.ts');
