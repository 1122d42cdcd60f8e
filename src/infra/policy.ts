import { type IResolvable, Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Explains why a finding of the policy check (cdk-nag's AWS Solutions rules) is acceptable, for a construct and
 * everything in it. The check fails for every finding without an explanation, so the reason stands beside its cause.
 */
export function accept(scope: IConstruct, rule: string, reason: string): void {
  Validations.of(scope).acknowledge({ id: `AwsSolutions-${rule}`, reason });
}

/** A wildcard in a policy: the ARN in the form of the finding, with references as `<LogicalId.Arn>`. */
export function acceptWildcard(scope: IConstruct, arn: string, reason: string): void {
  accept(scope, `IAM5[Resource::${named(Stack.of(scope).resolve(arn))}]`, reason);
}

type Part = string | { Ref: string } | { 'Fn::GetAtt': [string, string] } | { 'Fn::Join': [string, Part[]] };

function named(part: Part | IResolvable): string {
  if (typeof part === 'string') return part;
  if ('Ref' in part) return `<${part.Ref}>`;
  if ('Fn::GetAtt' in part) return `<${part['Fn::GetAtt'].join('.')}>`;
  if ('Fn::Join' in part) return part['Fn::Join'][1].map(named).join(part['Fn::Join'][0]);
  throw new Error(`cannot name ${JSON.stringify(part)}`);
}
