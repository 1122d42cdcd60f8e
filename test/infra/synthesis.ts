import { Template } from 'aws-cdk-lib/assertions';
import { type Build, buildApp } from '../../src/infra/app.ts';
import { temporaryDir } from '../temporary.ts';

/** The settings of the tests' deployment. */
export const SETTINGS = {
  account: '123456789012',
  region: 'eu-central-1',
  revision: '241313f4e8e508cb9b13278c2b0fa25b9ca27163',
  images: {
    'fdnix-metadata-generator': `sha256:${'1'.repeat(64)}`,
    'fdnix-embedding-generator': `sha256:${'2'.repeat(64)}`,
    'fdnix-search': `sha256:${'3'.repeat(64)}`,
  },
};

export interface Resource {
  Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shapes of CloudFormation are what the tests are about
  Properties: any;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

/**
 * A synthesised stack, as JSON and by type. CloudFormation's own check of the template is left to policy.test.ts: loading
 * its rules takes 3 s of CPU in every process.
 */
export function synthesise(given: object = {}, stack = 'fdnix', options: Build = {}) {
  const outdir = temporaryDir();
  const app = buildApp(
    { ...SETTINGS, ...given },
    { ...options, app: { outdir, builtinCloudFormationValidation: false, ...options.app } },
  );
  const template = Template.fromStack(app.node.findChild(stack) as never);
  const resources: Record<string, Resource> = template.toJSON().Resources;
  const all = (type: string) => Object.values(resources).filter(one => one.Type === type);
  const only = (type: string): Resource => {
    const [found, ...more] = all(type);
    if (!found || more.length > 0) throw new Error(`${more.length + (found ? 1 : 0)} of ${type}`);
    return found;
  };
  return { app, template, resources, all, only };
}

/** A CloudFormation value as text: `names` resolves its `Ref`, `Fn::GetAtt` and `Fn::Join`. */
export function resolve(value: unknown, names: (reference: string) => string): unknown {
  if (Array.isArray(value)) return value.map(one => resolve(one, names));
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  if (typeof object.Ref === 'string') return names(object.Ref);
  if (object['Fn::GetAtt']) return names((object['Fn::GetAtt'] as string[]).join('.'));
  if (object['Fn::Join']) {
    const [separator, parts] = object['Fn::Join'] as [string, unknown[]];
    return parts.map(part => resolve(part, names)).join(separator);
  }
  return Object.fromEntries(Object.entries(object).map(([key, one]) => [key, resolve(one, names)]));
}
