import { type Service, serve } from '../emulators/listen.ts';

/**
 * DynamoDB's control plane as its API reference has it, for what the emulators lack: tables that take their time, one
 * change at a time, indexes of provisioned tables that need a throughput, and point-in-time recovery, which a new table
 * does not have at once.
 */
export interface ControlPlane extends Service {
  table: Table | null;
  pointInTimeRecovery: boolean;
  /** What was asked for, in order, and the error where it was refused. */
  log: string[];
}

interface Table {
  TableStatus: 'CREATING' | 'UPDATING' | 'ACTIVE';
  AttributeDefinitions: { AttributeName: string; AttributeType: string }[];
  KeySchema: { AttributeName: string; KeyType: string }[];
  BillingModeSummary?: { BillingMode: string };
  GlobalSecondaryIndexes?: Index[];
}
interface Index {
  IndexName: string;
  IndexStatus?: string;
  KeySchema: { AttributeName: string; KeyType: string }[];
}

/** Of any operation: what the operation has of it is there. */
interface Input extends Pick<Table, 'AttributeDefinitions' | 'KeySchema'> {
  BillingMode?: string;
  GlobalSecondaryIndexes: Index[];
  GlobalSecondaryIndexUpdates?: [{ Create: Index & { ProvisionedThroughput?: object } }];
  PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: boolean };
}

/** Looks at a table before a change of it is done. */
const LOOKS = 2;

export async function startControlPlane(): Promise<ControlPlane> {
  const plane = { table: null as Table | null, pointInTimeRecovery: false, log: [] as string[] };
  let looks = 0;
  let backups = 0;

  const operations: Record<string, (input: Input) => object> = {
    DescribeTable() {
      const { table } = plane;
      if (!table) throw 'ResourceNotFoundException';
      if (table.TableStatus !== 'ACTIVE' && ++looks > LOOKS) {
        table.TableStatus = 'ACTIVE';
        for (const index of table.GlobalSecondaryIndexes ?? []) index.IndexStatus = 'ACTIVE';
      }
      return { Table: table };
    },
    CreateTable({ AttributeDefinitions, KeySchema, BillingMode, GlobalSecondaryIndexes }) {
      if (plane.table) throw 'ResourceInUseException';
      if (BillingMode !== 'PAY_PER_REQUEST') throw 'ValidationException';
      const indexes = GlobalSecondaryIndexes.map(index => ({ ...index, IndexStatus: 'CREATING' }));
      const BillingModeSummary = { BillingMode };
      plane.table = { TableStatus: 'CREATING', AttributeDefinitions, KeySchema, BillingModeSummary, GlobalSecondaryIndexes: indexes }; // biome-ignore format: one object
      [looks, backups] = [0, 0];
      return {};
    },
    UpdateTable({ BillingMode, AttributeDefinitions, GlobalSecondaryIndexUpdates }) {
      const { table } = plane;
      if (!table) throw 'ResourceNotFoundException';
      if (table.TableStatus !== 'ACTIVE') throw 'ResourceInUseException';
      // One kind of change a call.
      if (Boolean(BillingMode) === Boolean(GlobalSecondaryIndexUpdates)) throw 'ValidationException';
      if (BillingMode) table.BillingModeSummary = { BillingMode };
      for (const { Create } of GlobalSecondaryIndexUpdates ?? []) {
        const isOnDemand = table.BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST';
        if (isOnDemand === Boolean(Create.ProvisionedThroughput)) throw 'ValidationException';
        const known = new Set(AttributeDefinitions.map(one => one.AttributeName));
        if (!Create.KeySchema.every(key => known.has(key.AttributeName))) throw 'ValidationException';
        table.AttributeDefinitions = AttributeDefinitions;
        table.GlobalSecondaryIndexes = [
          ...(table.GlobalSecondaryIndexes ?? []),
          { ...Create, IndexStatus: 'CREATING' },
        ];
      }
      table.TableStatus = 'UPDATING';
      looks = 0;
      return {};
    },
    UpdateContinuousBackups({ PointInTimeRecoverySpecification }) {
      if (!plane.table) throw 'TableNotFoundException';
      if (++backups < 3) throw 'ContinuousBackupsUnavailableException';
      const { PointInTimeRecoveryEnabled } = PointInTimeRecoverySpecification as {
        PointInTimeRecoveryEnabled: boolean;
      };
      plane.pointInTimeRecovery = PointInTimeRecoveryEnabled;
      return {};
    },
  };

  const service = await serve((request, body, response) => {
    const operation = String(request.headers['x-amz-target']).replace(/^.*\./, '');
    try {
      const reply = operations[operation]!(JSON.parse(body.toString()));
      plane.log.push(operation);
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(reply));
    } catch (error) {
      if (typeof error !== 'string') throw error;
      plane.log.push(`${operation}: ${error}`);
      response
        .writeHead(400)
        .end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${error}`, message: error }));
    }
  });
  return Object.assign(plane, service);
}
