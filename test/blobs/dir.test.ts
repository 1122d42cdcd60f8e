import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobs } from '../../src/blobs/blobs.ts';
import { blobsContract } from './contract.ts';

blobsContract('directory', () => openBlobs(mkdtempSync(join(tmpdir(), 'fdnix-'))));
