import { readFileSync } from 'node:fs';
import { App, type AppProps, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { HistoryParts } from './history.ts';
import type { Timeouts } from './pipeline.ts';
import { RegistryStack } from './registry.ts';
import { parsePlace, parseSettings } from './settings.ts';
import { FdnixStack } from './stack.ts';

export interface Build {
  /** The registry stack alone: it comes first, when there are no images yet. */
  registryOnly?: boolean;
  app?: AppProps;
  timeouts?: Timeouts;
  historyTimeouts?: HistoryParts['timeouts'];
}

/** The CDK app of what was given. Its synthesis fails where a policy check does. */
export function buildApp(given: unknown, options: Build = {}): App {
  const env = parsePlace(given);
  const settings = options.registryOnly ? null : parseSettings(given);
  const app = new App({ analyticsReporting: false, ...options.app });
  // Without CloudFormation's version notice in the synthesizer no bootstrap bucket is needed: there are no assets.
  new RegistryStack(app, 'fdnix-registry', { env, description: 'fdnix: image repositories' });
  if (settings) {
    const { timeouts, historyTimeouts } = options;
    new FdnixStack(app, 'fdnix', {
      env,
      description: 'fdnix: nixpkgs as a searchable index',
      settings,
      ...(timeouts && { timeouts }),
      ...(historyTimeouts && { historyTimeouts }),
    });
  }
  Tags.of(app).add('project', 'fdnix');
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

/** Run by the CDK's command line, which says where the assembly goes. */
if (import.meta.main) {
  const file = process.argv[2];
  const registryOnly = process.argv[3] === 'registry';
  try {
    if (!file) throw new Error('usage: app.ts SETTINGS.json [registry]');
    buildApp(JSON.parse(readFileSync(file, 'utf8')), { registryOnly }).synth();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
