import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONCURRENCY } from '../../src/infra/history.ts';
import { type StateBody, tasksOf } from './cloud.ts';
import { resolve, synthesise } from './synthesis.ts';

const test = suite('definition');
const machines = Object.fromEntries(
  synthesise()
    .all('AWS::StepFunctions::StateMachine')
    .map(({ Properties }) => [
      Properties.StateMachineName as string,
      JSON.parse(String(resolve(Properties.DefinitionString, name => `<${name}>`))),
    ]),
);

for (const [name, machine] of Object.entries(machines)) {
  test(`${name}: every task has a time limit, is tried again, and leads to a notification where it fails`, () => {
    const states = new Map<string, StateBody>(tasksOf(machine));
    for (const [state, body] of states) {
      if (body.Type !== 'Task') continue;
      // An execution that is started from here has limits of its own, and so have its states.
      if (state === 'Reindex') continue;
      assert.ok((body.TimeoutSeconds as number) > 0, `${state} has no time limit`);
      if (!/runTask/.test(body.Resource!))
        assert.ok((body.Retry as unknown[])?.length > 0, `${state} is not tried again`);
      else {
        // The exit status decides which ends are worth another try.
        assert.is(body.Retry, undefined);
        assert.is(states.get(`${state} failed?`)!.Default, `${state} again`);
        assert.is(states.get(`Before ${state} again`)!.Next, state);
      }
    }
    for (const [state, body] of states) {
      const inMap = state === 'Evaluate';
      if (inMap || !['Task', 'Map'].includes(body.Type) || ['Sets', 'Accepted'].includes(state)) continue;
      const [last] = (body.Catch as { ErrorEquals: string[]; Next: string }[]).slice(-1);
      assert.equal(last!.ErrorEquals, ['States.ALL'], state);
      const end = last!.Next;
      const ends =
        end === `${state} failed?` ? (states.get(end)!.Choices as StateBody[]).map(({ Next }) => Next) : [end];
      for (const one of ends)
        assert.match(String(one), /^(Notify|Failed|Report \w+|Reindex)$/, `${state} ends in ${one}`);
      assert.match(String(ends.at(-1)), /^(Notify|Failed)$/);
    }
    assert.is(states.get(states.get('Notify')!.Next as string)!.Next, 'Tell');
    assert.match(String(states.get('Tell')!.Resource), /sns:publish$/);
    assert.is(states.get('Tell')!.Next, 'Failed');
    assert.is(states.get('Failed')!.Type, 'Fail');
  });

  test(`${name}: every state is reached, every next one exists`, () => {
    const check = ({ StartAt, States }: { StartAt: string; States: Record<string, StateBody> }) => {
      const reached = new Set<string>([StartAt]);
      for (const [state, body] of Object.entries(States)) {
        const next = [body, ...((body.Choices as object[]) ?? []), ...((body.Catch as object[]) ?? [])]
          .flatMap(one => [(one as StateBody).Next, (one as StateBody).Default])
          .filter(one => typeof one === 'string');
        for (const one of next) {
          assert.ok(Object.hasOwn(States, one), `${state} → ${one}`);
          reached.add(one);
        }
        if (body.ItemProcessor) check(body.ItemProcessor as never);
      }
      assert.equal(Object.keys(States).filter(state => !reached.has(state)), []); // biome-ignore format: short
    };
    check(machine);
  });
}

test('between the steps lie conditions, not times', () => {
  const { States } = machines['fdnix-daily-pipeline'];
  assert.is(States.Extract.Next, 'Read run');
  assert.is(States['Run recorded?'].Default, 'Nothing extracted', 'without the record of a run nothing is embedded');
  assert.is(States.Embed.Next, 'Read pending');
  assert.is(States['Embedded?'].Choices[0].Next, 'Index');
  assert.equal(States['Embedded?'].Choices[0].And[0], { Variable: '$.pending.Count', NumericEquals: 0 });
  assert.equal([States.Index.Next, States['Smoke query'].Next, States.Publish.Next], ['Smoke query', 'Publish', 'Published']); // biome-ignore format: a line
  const waits = Object.entries(States as Record<string, StateBody>).filter(([, { Type }]) => Type === 'Wait');
  assert.equal(
    waits.map(([name]) => name),
    [
      ...['Extract', 'Embed'].map(task => `Before ${task} again`),
      'Pause',
      ...['Index', 'Smoke query', 'Publish'].map(task => `Before ${task} again`),
    ],
    'the only pauses are between two rounds of embedding, and before another try',
  );
});

test('the history is a distributed map with bounded concurrency that tolerates no gap', () => {
  const map = machines['fdnix-version-history'].States['Evaluate revisions'];
  assert.is(map.ItemProcessor.ProcessorConfig.Mode, 'DISTRIBUTED');
  assert.is(map.MaxConcurrency, CONCURRENCY);
  assert.is(map.ToleratedFailurePercentage, 0);
});

test.run();
