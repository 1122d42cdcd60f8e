import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isStructured, openLog } from '../src/log.ts';

const test = suite('log');

test('JSON where a backend is AWS and nobody watches', () => {
  const local = { store: 'sqlite:/s', blobs: '/home', model: 'static:fdnix' };
  assert.is(isStructured('embed', local, false), false);
  assert.is(isStructured('search', { ...local, blobs: 's3://b' }, false), false);
  assert.is(isStructured('embed', { ...local, store: 'dynamodb:t' }, false), true);
  assert.is(isStructured('embed', { ...local, blobs: 's3://b' }, false), true);
  assert.is(isStructured('embed', { ...local, model: 'bedrock:m' }, false), true);
  assert.is(isStructured('embed', { ...local, model: 'bedrock:m' }, true), false);
});

test('one object a line, with the run, and metrics in the embedded format at the end', () => {
  let time = Date.parse('2026-01-01T00:00:00Z');
  const lines: string[] = [];
  const log = openLog('embed', line => lines.push(line), () => time); // biome-ignore format: one call
  log.message('warn', 'two\nlines');
  log.progress({ phase: 'embedding', done: 1, total: 9, unit: 'packages' });
  time += 6000;
  log.progress({ phase: 'embedding', done: 5, total: 9, unit: 'packages' });
  log.progress({ phase: 'embedding', done: 6, total: 9, unit: 'packages' });
  log.count({ texts: 7, shrinkage: 1.5 });
  log.count({ texts: 2 });
  log.end(3);
  assert.ok(lines.every(line => line.endsWith('\n') && line.trim().split('\n').length === 1));
  const [start, warning, progress, end, metrics] = lines.map(line => JSON.parse(line));
  assert.is(lines.length, 5, 'progress every few seconds only');
  const run = start.run;
  assert.match(run, /^[0-9a-f-]{36}$/);
  assert.equal(start, { time: '2026-01-01T00:00:00.000Z', level: 'info', run, command: 'embed', event: 'start' });
  assert.is(warning.message, 'two\nlines');
  assert.is(warning.level, 'warn');
  assert.is(progress.done, 5);
  assert.equal([end.level, end.status, end.seconds, end.counts], ['error', 3, 6, { texts: 9, shrinkage: 1.5 }]);
  const [directive] = metrics._aws.CloudWatchMetrics;
  assert.is(metrics._aws.Timestamp, time);
  assert.is(directive.Namespace, 'fdnix');
  assert.equal(directive.Dimensions, [[], ['Command']]);
  assert.is(metrics.Command, 'embed');
  for (const { Name } of directive.Metrics) assert.type(metrics[Name], 'number', Name);
  assert.equal(
    directive.Metrics.map(({ Name, Unit }: { Name: string; Unit: string }) => `${Name} ${Unit}`),
    ['Texts Count', 'Shrinkage Percent', 'Seconds Seconds', 'Failure Count'],
  );
  assert.is(metrics.Failure, 1);
});

test.run();
