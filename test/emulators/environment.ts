import { randomUUID } from 'node:crypto';

/** Points the SDK of this process at emulators, and that of children which get `process.env`. */
export function pointAt(urls: { dynamodb?: string; s3?: string; bedrock?: string }): void {
  const set = (name: string, value: string | undefined) => {
    if (value) process.env[name] = value;
  };
  set('AWS_ENDPOINT_URL_DYNAMODB', urls.dynamodb);
  set('AWS_ENDPOINT_URL_S3', urls.s3);
  set('AWS_ENDPOINT_URL_BEDROCK_RUNTIME', urls.bedrock);
  Object.assign(process.env, { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  // The user's own configuration must have no effect.
  Object.assign(process.env, { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' });
}

export function freshName(): string {
  return `fdnix-test-${randomUUID()}`;
}
