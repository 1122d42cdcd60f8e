import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { LOG_GROUPS } from './names.ts';

/**
 * Two public subnets, no NAT gateway, and nothing reachable from outside: the security group admits nobody and lets
 * only HTTPS out. DynamoDB and S3 (and so the image layers) go through gateway endpoints, which are free. A running
 * task has a public address that costs cents a month; private subnets would need four interface endpoints (about 58 USD
 * a month in two zones) or a NAT gateway (33 USD and each gigabyte). docs/cost.md has the sums.
 */
export function network(scope: Construct) {
  const vpc = new ec2.Vpc(scope, 'Network', {
    ipAddresses: ec2.IpAddresses.cidr('10.42.0.0/24'),
    maxAzs: 2,
    natGateways: 0,
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [
      { name: 'tasks', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 26, mapPublicIpOnLaunch: false },
    ],
    gatewayEndpoints: {
      s3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
      dynamodb: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
    },
  });
  const flows = new logs.LogGroup(scope, 'NetworkLog', {
    logGroupName: LOG_GROUPS.network,
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  // Only refused flows are logged. Accepted ones would cost more and add nothing to the logs of the tasks.
  vpc.addFlowLog('Refused', {
    destination: ec2.FlowLogDestination.toCloudWatchLogs(flows),
    trafficType: ec2.FlowLogTrafficType.REJECT,
  });
  const securityGroup = new ec2.SecurityGroup(scope, 'Tasks', {
    vpc,
    description: 'fdnix tasks: nothing in, HTTPS out',
    allowAllOutbound: false,
  });
  securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS APIs and nixpkgs sources');
  return { vpc, securityGroup };
}
