import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { KEPT_IMAGES, REPOSITORIES } from './names.ts';

/** The image repositories. They are a stack of their own, because nothing can run before the images are pushed. */
export class RegistryStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    for (const [name, repositoryName] of Object.entries(REPOSITORIES)) {
      const repository = new ecr.Repository(this, name, {
        repositoryName,
        imageTagMutability: ecr.TagMutability.IMMUTABLE,
        imageScanOnPush: true,
        encryption: ecr.RepositoryEncryption.AES_256,
        removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        // As many as a month of nightly builds.
        lifecycleRules: [
          { rulePriority: 1, tagStatus: ecr.TagStatus.UNTAGGED, maxImageAge: Duration.days(7) },
          { rulePriority: 2, tagStatus: ecr.TagStatus.ANY, maxImageCount: KEPT_IMAGES },
        ],
      });
      if (name === 'metadata') continue;
      // Lambda pulls as a service, not with the function's role. Only functions of this account and region may pull.
      repository.addToResourcePolicy(
        new iam.PolicyStatement({
          principals: [new iam.ServicePrincipal('lambda.amazonaws.com')],
          actions: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
          conditions: {
            StringLike: { 'aws:sourceArn': this.formatArn({ service: 'lambda', resource: 'function:fdnix-*' }) },
          },
        }),
      );
    }
  }
}
