import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IHttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { METRICS } from './names.ts';
import { accept } from './policy.ts';

/** One topic for everything that an operator must know. Alarms can publish to it only if the key is our own. */
export function notifications(scope: Construct, email: string | null): sns.Topic {
  const key = new kms.Key(scope, 'NotificationsKey', {
    description: 'fdnix notifications',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const topic = new sns.Topic(scope, 'Notifications', {
    topicName: 'fdnix-notifications',
    masterKey: key,
    enforceSSL: true,
  });
  const cloudWatch = new iam.ServicePrincipal('cloudwatch.amazonaws.com', {
    conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
  });
  key.grantEncryptDecrypt(cloudWatch);
  topic.grantPublish(cloudWatch);
  if (email !== null) topic.addSubscription(new EmailSubscription(email));
  return topic;
}

/** A queue for events that a function could not handle, kept for two weeks. An alarm of {@link alarms} watches it. */
export function deadLetters(scope: Construct, id: string, queueName: string): sqs.Queue {
  const queue = new sqs.Queue(scope, id, {
    queueName,
    retentionPeriod: Duration.days(14),
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
  });
  accept(queue, 'SQS3', 'It is the dead-letter queue itself.');
  return queue;
}

export function alarms(
  scope: Construct,
  topic: sns.ITopic,
  watched: {
    pipeline: IStateMachine;
    history: IStateMachine;
    api: IHttpApi;
    failedChanges: sqs.IQueue | null;
    failedTickets: sqs.IQueue | null;
  },
): void {
  const alarm = (id: string, alarmName: string, options: cloudwatch.AlarmProps) =>
    new cloudwatch.Alarm(scope, id, { ...options, alarmName }).addAlarmAction(new SnsAction(topic));
  const every = Duration.minutes(5);

  for (const [name, machine] of Object.entries({ pipeline: watched.pipeline, history: watched.history })) {
    const options = { period: every, statistic: 'Sum' };
    alarm(`${name}-failure`, `fdnix-${name}-failure`, {
      alarmDescription: `An execution of the ${name} failed, timed out or was aborted: see its last state.`,
      metric: new cloudwatch.MathExpression({
        expression: 'failed + timedOut + aborted',
        label: 'unsuccessful executions',
        period: every,
        usingMetrics: {
          failed: machine.metricFailed(options),
          timedOut: machine.metricTimedOut(options),
          aborted: machine.metricAborted(options),
        },
      }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }

  // 26 periods of an hour, because a nightly run may be late by two hours. An unchanged revision counts as success.
  alarm('no-success', 'fdnix-pipeline-no-success', {
    alarmDescription: 'No pipeline execution has succeeded for 26 hours: the served index is getting old.',
    metric: watched.pipeline.metricSucceeded({ period: Duration.hours(1), statistic: 'Sum' }),
    threshold: 1,
    evaluationPeriods: 26,
    datapointsToAlarm: 26,
    comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
  });

  alarm('shrinkage', 'fdnix-shrinkage', {
    alarmDescription: 'An extraction found at least 10 % fewer packages than the last: is a package set missing?',
    metric: new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName: METRICS.shrinkage,
      period: every,
      statistic: 'Maximum',
    }),
    threshold: 10,
    evaluationPeriods: 1,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });

  const failures = [
    ['changes', watched.failedChanges, 'Changes could not be embedded at once: the nightly run does it.'],
    ['tickets', watched.failedTickets, 'Tickets could not be answered.'],
  ] as const;
  for (const [name, queue, what] of failures)
    if (queue)
      alarm(`failed-${name}`, `fdnix-failed-${name}`, {
        alarmDescription: `${what} What failed waits in the queue fdnix-failed-${name}.`,
        metric: queue.metricApproximateNumberOfMessagesVisible({ period: every, statistic: 'Maximum' }),
        threshold: 1,
        evaluationPeriods: 1,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      });

  alarm('search-errors', 'fdnix-search-errors', {
    alarmDescription: 'The search API answered with server errors.',
    metric: new cloudwatch.Metric({
      namespace: 'AWS/ApiGateway',
      metricName: '5xx',
      dimensionsMap: { ApiId: watched.api.apiId },
      period: every,
      statistic: 'Sum',
    }),
    threshold: 5,
    evaluationPeriods: 1,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
}
