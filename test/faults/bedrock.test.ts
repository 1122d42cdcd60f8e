import { matrix } from './matrix.ts';

matrix('bedrock', ['InvokeModel']);
