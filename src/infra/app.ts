import { readFileSync } from 'node:fs';
import { App, type AppProps, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { HistoryParts } from './history.ts';
import type { Timeouts } from './pipeline.ts';
import { RegistryStack } from './registry.ts';
import { parsePlace, parseSettings } from './settings.ts';
import { FdnixStack } from './stack.ts';

export interface Build {
  /** The registry stack alone. It comes first, when there are no images yet. */
  registryOnly?: boolean;
  app?: AppProps;
  timeouts?: Timeouts;
  historyTimeouts?: HistoryParts['timeouts'];
}

/** The CDK app of the given settings. Its synthesis fails if a policy check fails. */
export function buildApp(given: unknown, options: Build = {}): App {
  const env = parsePlace(given);
  const settings = options.registryOnly ? null : parseSettings(given);
  const app = new App({ analyticsReporting: false, ...options.app });
  // There are no assets, so only CloudFormation's version notice in the synthesizer would need a bootstrap bucket.
  new RegistryStack(app, 'fdnix-registry', { env, description: 'fdnix: image repositories' });
  if (settings) {
    const { timeouts, historyTimeouts } = options;
    new FdnixStack(app, 'fdnix', {
      env,
      description: 'fdnix: nixpkgs as a searchable index',
      settings,
      timeouts,
      historyTimeouts,
    });
  }
  Tags.of(app).add('project', 'fdnix');
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

/** Started by the CDK's command line, which says where to put the assembly. */
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
