import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import { AccessLogField, AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { allowBucket, allowModel } from './access.ts';
import { LOG_GROUPS, PREFIXES, SEARCH_MEMORY, THROTTLE } from './names.ts';
import { accept } from './policy.ts';
import { lambdaArchitecture, modelVariable, type Place } from './tasks.ts';

/**
 * The API and the page: the search image behind an HTTP API. `serve --follow` opens the index that the bucket names as
 * current. After a minute, the next request makes it look for another index, which it takes before it answers. Until a
 * first index is published, it serves the one inside the image.
 */
export function searchApi(scope: Construct, { bucket, images, settings }: Omit<Place, 'table'>): apigateway.HttpApi {
  const handler = new lambda.DockerImageFunction(scope, 'Search', {
    functionName: 'fdnix-search',
    description: 'Search API and page',
    code: lambda.DockerImageCode.fromEcr(images.search, {
      tagOrDigest: settings.images.search,
      cmd: ['serve', '--follow'],
    }),
    architecture: lambdaArchitecture(settings),
    memorySize: SEARCH_MEMORY,
    // During a swap two indexes lie side by side.
    ephemeralStorageSize: Size.mebibytes(1024),
    timeout: Duration.seconds(29),
    environment: { S3_BUCKET: bucket.bucketName, FDNIX_HOME: '/tmp/fdnix', ...modelVariable(settings) },
    ...logging(scope, 'Search', LOG_GROUPS.search),
  });
  allowBucket(handler.role!, bucket, { [`${PREFIXES.indexes}*`]: ['GetObject'] });
  allowModel(handler.role!, settings.model);
  allowModel(handler.role!, settings.previousModel);

  const api = new apigateway.HttpApi(scope, 'Api', {
    apiName: 'fdnix-search',
    description: 'fdnix: nixpkgs by meaning and by name',
    createDefaultStage: false,
  });
  const integration = new HttpLambdaIntegration('SearchIntegration', handler);
  const methods = [apigateway.HttpMethod.GET, apigateway.HttpMethod.HEAD, apigateway.HttpMethod.OPTIONS];
  api.addRoutes({ path: '/', methods, integration });
  api.addRoutes({ path: '/{proxy+}', methods, integration });
  const requests = logGroup(scope, 'RequestLog', LOG_GROUPS.requests);
  api.addStage('Stage', {
    stageName: '$default',
    autoDeploy: true,
    throttle: THROTTLE,
    // No query and no address are logged, because what people look for is private.
    accessLogSettings: {
      destination: new apigateway.LogGroupLogDestination(requests),
      format: AccessLogFormat.custom(
        JSON.stringify({
          id: AccessLogField.contextRequestId(),
          time: AccessLogField.contextRequestTime(),
          method: AccessLogField.contextHttpMethod(),
          route: '$context.routeKey',
          status: AccessLogField.contextStatus(),
          ms: '$context.responseLatency',
          bytes: AccessLogField.contextResponseLength(),
        }),
      ),
    },
  });
  accept(api, 'APIG4', 'A public search over public metadata: throttled, read-only, without any user data.');
  return api;
}

/** A log group, and a role that may only write to it. */
export function logging(scope: Construct, id: string, name: string): { logGroup: logs.LogGroup; role: iam.Role } {
  const group = logGroup(scope, `${id}Log`, name);
  const role = new iam.Role(scope, `${id}Role`, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  group.grantWrite(role);
  return { logGroup: group, role };
}

function logGroup(scope: Construct, id: string, logGroupName: string): logs.LogGroup {
  return new logs.LogGroup(scope, id, {
    logGroupName,
    retention: logs.RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
