import { matrix } from './matrix.ts';

matrix('dynamodb', ['DescribeTable', 'CreateTable', 'UpdateContinuousBackups', 'Scan', 'Query', 'BatchWriteItem', 'BatchGetItem', 'UpdateItem', 'GetItem', 'PutItem']); // biome-ignore format: a list
