import { readFileSync } from 'node:fs';

/** Loaded before a program. Its clock then stands still, ahead by the milliseconds in the file of FDNIX_TEST_CLOCK. */
const start = Date.now();
Date.now = () => start + Number(readFileSync(process.env.FDNIX_TEST_CLOCK!, 'utf8'));
