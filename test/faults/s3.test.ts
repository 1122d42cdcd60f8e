import { matrix } from './matrix.ts';

matrix('s3', ['PUT bucket', 'GET list', 'GET vectors/', 'GET vector-index/', 'PUT vectors/', 'PUT vector-index/', 'DELETE vector-index/']); // biome-ignore format: a list
