import { CfnOutput, Fn, Stack, type StackProps } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import { allowBucket } from './access.ts';
import type { Fargate } from './asl.ts';
import { embedChanges } from './changes.ts';
import { type HistoryParts, historyDefinition, MAP_LABEL } from './history.ts';
import type { PipelineInput } from './input.ts';
import { allow, allowExecution, allowMap, allowNotify, allowTasks, machine } from './machines.ts';
import { HISTORY, PENDING, PIPELINE, PREFIXES, SERVED, TRIGGER } from './names.ts';
import { network } from './network.ts';
import { alarms, notifications } from './notifications.ts';
import { pipelineDefinition, TIMEOUTS, type Timeouts } from './pipeline.ts';
import { searchApi } from './search.ts';
import type { Settings } from './settings.ts';
import { storage } from './storage.ts';
import { imageRepositories, tasks } from './tasks.ts';
import { ticketProcessor } from './tickets.ts';

interface FdnixStackProps extends StackProps {
  settings: Settings;
  timeouts?: Timeouts;
  historyTimeouts?: HistoryParts['timeouts'];
}

/** Everything that runs: storage, tasks, the nightly pipeline, the version history, search and alarms. */
export class FdnixStack extends Stack {
  /** Zones by number: their names would be looked up in the account, while synthesis works offline. */
  override get availabilityZones(): string[] {
    return [0, 1].map(zone => Fn.select(zone, Fn.getAzs()));
  }

  constructor(scope: Construct, id: string, { settings, timeouts, historyTimeouts, ...props }: FdnixStackProps) {
    super(scope, id, props);
    const { table, bucket } = storage(this, { bucket: settings.bucket, stream: settings.eventDriven });
    const images = imageRepositories(this);
    const place = { table, bucket, settings, images };
    const { vpc, securityGroup } = network(this);
    const { cluster, metadata, embedding } = tasks(this, place, vpc);
    const topic = notifications(this, settings.email);
    const fargate: Fargate = { cluster, vpc, securityGroup };
    const shared = { fargate, metadata, bucketName: bucket.bucketName, topicArn: topic.topicArn };

    const pipeline = machine(
      this,
      'Pipeline',
      PIPELINE,
      pipelineDefinition({
        ...shared,
        embedding,
        tableName: table.tableName,
        pendingIndex: PENDING.index,
        revision: settings.revision,
        model: settings.model === null ? 'static:fdnix' : `bedrock:${settings.model}`,
        smokeQuery: 'firefox',
        timeouts: timeouts ?? TIMEOUTS,
      }),
    );
    allowTasks(pipeline, fargate, [metadata, embedding]);
    allowNotify(pipeline, topic);
    allow(pipeline, ['dynamodb:GetItem'], [table.tableArn]);
    allow(pipeline, ['dynamodb:Scan'], [`${table.tableArn}/index/${PENDING.index}`]);
    allowBucket(pipeline, bucket, { [SERVED]: ['GetObject'] });

    const history = machine(
      this,
      'History',
      HISTORY,
      historyDefinition({
        ...shared,
        pipelineArn: pipeline.stateMachineArn,
        timeouts: historyTimeouts ?? { evaluate: 3600, record: 21_600 },
      }),
    );
    allowTasks(history, fargate, [metadata]);
    allowNotify(history, topic);
    allowBucket(history, bucket, { [`${PREFIXES.history}*`]: ['PutObject'] }, false);
    allowExecution(history, PIPELINE);
    allowMap(history, HISTORY, MAP_LABEL);

    new events.Rule(this, 'Nightly', {
      ruleName: TRIGGER,
      description: 'The nightly run, 02:00 UTC',
      schedule: events.Schedule.cron({ minute: '0', hour: '2' }),
      targets: [
        new SfnStateMachine(pipeline, {
          input: events.RuleTargetInput.fromObject(nightly(settings)),
        }),
      ],
    });

    const api = searchApi(this, place);
    const failedChanges = settings.eventDriven ? embedChanges(this, { ...place, table }) : null;
    const failedTickets = settings.tickets ? ticketProcessor(this, place) : null;
    alarms(this, topic, { pipeline, history, api, failedChanges, failedTickets });

    new CfnOutput(this, 'SearchUrl', { value: api.apiEndpoint });
    new CfnOutput(this, 'PipelineArn', { value: pipeline.stateMachineArn });
  }
}

function nightly({ follow, programs, acceptMissing }: Settings): PipelineInput {
  return {
    ...(follow !== null && (follow.startsWith('https:') ? { from: follow } : { revision: follow })),
    ...(programs !== null && { programs }),
    ...(acceptMissing.length > 0 && { acceptMissing }),
  };
}
