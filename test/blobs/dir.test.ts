import { openBlobs } from '../../src/blobs/blobs.ts';
import { temporaryDir } from '../temporary.ts';
import { blobsContract } from './contract.ts';

blobsContract('directory', () => openBlobs(temporaryDir()));
