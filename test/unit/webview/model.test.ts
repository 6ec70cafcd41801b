import assert from 'node:assert/strict';
import type { RunDocument, RunMode, RunState, RunStep, StepState } from '../../../src/protocol/run';
import { finalRunStates } from '../../../src/protocol/run';
import { announcement } from '../../../src/webview/announce';
import {
  checkTone,
  controlButtons,
  groupChecks,
  hasProgress,
  isSnapshot,
  leftovers,
  nextButtons,
  percentage,
  runButtons,
  shownStep,
  stateBadge,
} from '../../../src/webview/model';
import { sparkline } from '../../../src/webview/sparkline';
import { allSnapshots, goodChecks, indexWarning, runOf, snapshotOf, step } from './fixtures';

const states: RunState[] = [
  'planned',
  'checking',
  'running',
  'paused',
  'verifying',
  'rolling-back',
  ...finalRunStates,
];
const run = (state: StepState, mode: RunMode = 'up', change: Partial<RunDocument> = {}): RunDocument =>
  runOf([step('a.js', { state })], { state, mode, ...change });

describe('State of a run in the panel', () => {
  it('has an icon and words for every state in every mode', () => {
    for (const mode of ['up', 'down', 'dry-run', 'validate', 'verify'] as const) {
      for (const state of states) {
        const badge = stateBadge(run(state, mode));
        assert.notEqual(badge.icon, 'question', state);
        assert.match(badge.words, /^[A-Z]/, `${mode} ${state}`);
      }
    }
  });

  it('does not call a failed run that went back a success', () => {
    assert.equal(stateBadge(run('rolled-back', 'down')).tone, 'good');
    assert.deepEqual(
      [stateBadge(run('rolled-back')).tone, stateBadge(run('rolled-back')).words],
      ['warn', 'Failed and undone'],
    );
  });

  it('says what was asked for until it has happened', () => {
    assert.equal(stateBadge(run('running', 'up', { control: 'pause' })).words, 'Pausing');
    assert.equal(stateBadge(run('paused', 'up', { control: 'pause' })).words, 'Paused');
    assert.equal(stateBadge(run('paused', 'up', { control: 'resume' })).words, 'Resuming');
    assert.equal(stateBadge(run('running', 'up', { control: 'cancel' })).words, 'Cancelling');
    assert.equal(stateBadge(run('cancelled', 'up', { control: 'cancel' })).words, 'Cancelled');
  });
});

describe('Buttons of the panel', () => {
  const controls = (document: RunDocument): string[] =>
    controlButtons(document).map(({ control, disabled }) =>
      disabled === undefined ? control : `(${control})`,
    );

  it('are those that make sense while a run goes on', () => {
    assert.deepEqual(controls(run('running')), ['pause', 'cancel']);
    assert.deepEqual(controls(run('paused')), ['resume', 'cancel']);
    assert.deepEqual(controls(run('checking')), ['(pause)', 'cancel']);
    assert.deepEqual(controls(run('running', 'up', { control: 'cancel' })), ['(pause)', '(cancel)']);
    assert.deepEqual(controls(run('running', 'up', { control: 'pause' })), ['(pause)', 'cancel']);
    assert.deepEqual(controls(run('running', 'dry-run')), ['cancel']);
    for (const state of finalRunStates) assert.deepEqual(controls(run(state)), []);
  });

  it('offer a way on after every end, and none before', () => {
    for (const mode of ['up', 'down', 'dry-run', 'validate', 'verify'] as const) {
      for (const state of finalRunStates) {
        const document = run(state, mode);
        assert.ok(nextButtons(document, document.steps[0]).length > 0, `${mode} ${state}`);
      }
    }
    const going = run('running');
    assert.deepEqual(nextButtons(going, going.steps[0]), []);
  });

  it('are about what happened', () => {
    const commands = (document: RunDocument): string[] =>
      nextButtons(document, document.steps[0]).map(({ message }) =>
        message.type === 'command' ? message.command : message.type,
      );
    assert.deepEqual(commands(run('applied')), ['rollBack']);
    assert.deepEqual(commands(run('failed')), ['run', 'dryRun']);
    assert.deepEqual(commands(run('interrupted')), ['control']);
    assert.deepEqual(commands(run('rolled-back', 'down')), ['run']);
    assert.deepEqual(commands(run('conflicts', 'down')), ['rollBack']);
    assert.deepEqual(commands(run('applied', 'dry-run')), ['run', 'dryRun']);
    assert.deepEqual(commands(run('failed', 'dry-run')), ['dryRun']);
    const halfway = runOf([step('a', { state: 'failed', processed: 3, total: 9 })], { state: 'failed' });
    assert.deepEqual(commands(halfway), ['run', 'dryRun', 'rollBack']);
  });
});

describe('What a migration has left behind', () => {
  const left = (state: StepState, change: Partial<RunStep> = {}, mode: RunMode = 'up'): string => {
    const document = runOf([step('a', { state, ...change })], { state, mode });
    return leftovers(document, document.steps[0] as RunStep);
  };

  it('is nothing where a check has stopped it, or where it was undone', () => {
    const refused = [{ ...indexWarning, severity: 'error' as const }];
    assert.equal(left('failed', { checks: refused }), 'nothing');
    assert.equal(left('failed', { checks: [indexWarning], processed: 4 }), 'stays');
    assert.equal(left('rolled-back', { processed: 4, total: 4 }), 'undone');
  });

  it('stays where it stopped half-way', () => {
    for (const state of ['failed', 'cancelled', 'interrupted'] as const)
      assert.equal(left(state, { processed: 4, total: 9 }), 'stays');
  });

  it('is not guessed: without a figure, on the way back, at work, and in rehearsals', () => {
    assert.equal(left('failed'), 'unknown');
    assert.equal(left('failed', { processed: 4 }, 'down'), 'unknown');
    assert.equal(left('rolled-back', { processed: 4 }, 'down'), 'unknown');
    assert.equal(left('conflicts', { processed: 4 }), 'unknown');
    assert.equal(left('running', { processed: 4 }), 'unknown');
    assert.equal(left('applied', { processed: 4 }), 'unknown');
    assert.equal(left('failed', { processed: 4 }, 'dry-run'), 'unknown');
  });
});

describe('Buttons of a run of several', () => {
  const several = (state: RunState, mode: RunMode, ...steps: StepState[]): RunDocument =>
    runOf(
      steps.map((one, index) => step(`${index}`, { state: one })),
      { state, mode },
    );
  const messages = (document: RunDocument): unknown[] => runButtons(document).map(({ message }) => message);

  it('take them all, or what is left of them', () => {
    const names = ['0', '1'];
    assert.deepEqual(messages(several('applied', 'dry-run', 'applied', 'applied')), [
      { type: 'again', command: 'run', names },
      { type: 'again', command: 'dryRun', names },
    ]);
    assert.deepEqual(messages(several('failed', 'validate', 'applied', 'failed')), [
      { type: 'again', command: 'validate', names },
    ]);
    const back = several('failed', 'down', 'rolled-back', 'failed');
    assert.deepEqual(messages(back), [{ type: 'again', command: 'rollBack', names: ['1'] }]);
    assert.deepEqual(messages(several('applied', 'up', 'applied', 'applied')), [
      { type: 'again', command: 'rollBack', names },
    ]);
  });

  it('go on with a run that stopped', () => {
    for (const state of ['failed', 'interrupted', 'cancelled'] as const) {
      const run = several(state, 'up', 'applied', state);
      assert.deepEqual(messages(run), [{ type: 'control', run: run._id, control: 'resume' }]);
    }
  });

  it('are none while it goes on, and none for a single migration', () => {
    assert.deepEqual(messages(several('running', 'up', 'running', 'planned')), []);
    assert.deepEqual(messages(run('failed')), []);
  });
});

describe('The step that is shown', () => {
  const names = (picked: string | null, ...all: StepState[]): string | undefined =>
    shownStep(runOf(all.map((state, index) => step(`${index}`, { state }))), picked)?.name;

  it('is the picked one, else the one at work, the failed one, the last that did anything, the first', () => {
    assert.equal(names('0', 'applied', 'running'), '0');
    assert.equal(names(null, 'applied', 'running', 'planned'), '1');
    assert.equal(names(null, 'applied', 'failed', 'planned'), '1');
    assert.equal(names(null, 'applied', 'applied', 'planned'), '1');
    assert.equal(names('no such', 'planned', 'planned'), '0');
    assert.equal(shownStep(runOf([]), null), undefined);
  });
});

describe('Checks in the panel', () => {
  it('come with the problems first', () => {
    const failed = { ...indexWarning, severity: 'error' as const };
    const skipped = { ...indexWarning, outcome: 'skipped' as const };
    const groups = groupChecks([...goodChecks, skipped, indexWarning, failed]);
    assert.deepEqual(
      groups.map(([tone, checks]) => [tone, checks.length]),
      [
        ['failed', 1],
        ['warning', 1],
        ['skipped', 1],
        ['passed', 5],
      ],
    );
    assert.equal(checkTone({ ...indexWarning, severity: 'info' }), 'info');
  });
});

describe('Progress in the panel', () => {
  it('is not known without a total, and never more than everything', () => {
    assert.equal(percentage(step('a', { state: 'running' })), null);
    assert.equal(percentage(step('a', { state: 'running', processed: 1, total: 4 })), 25);
    assert.equal(percentage(step('a', { state: 'running', processed: 9, total: 4 })), 100);
    assert.equal(percentage(step('a', { state: 'running', total: 0 })), null);
    assert.equal(percentage(step('a', { state: 'applied', total: 0 })), 100);
    assert.equal(percentage(step('a', { state: 'applied', processed: 7, total: 9 })), 100);
    assert.equal(percentage(step('a', { state: 'failed', processed: 0, total: 0 })), 100);
  });

  it('is left out where there is nothing to tell', () => {
    assert.equal(hasProgress(step('a', { state: 'applied' })), false);
    assert.equal(hasProgress(step('a', { state: 'running' })), true);
    assert.equal(hasProgress(step('a', { state: 'failed', processed: 3 })), true);
    assert.equal(hasProgress(step('a')), false);
  });

  it('draws the newest rates at the right edge, scaled to the highest', () => {
    const { line, area, max } = sparkline([5, 0, 10], 100, 20, 5);
    assert.equal(max, 10);
    assert.equal(line, 'M50.0,10.0L75.0,19.0L100.0,1.0');
    assert.equal(area, `${line}L100.0,20L50.0,20Z`);
    assert.equal(sparkline([1, 2, 3, 4], 100, 20, 2).line, 'M0.0,5.5L100.0,1.0');
    assert.equal(sparkline([3], 100, 20, 5).line, '');
    assert.equal(sparkline([Number.NaN, -1], 100, 20, 2).max, 0);
  });
});

describe('What the panel announces', () => {
  const at = (processed: number, state: StepState = 'running') =>
    snapshotOf(runOf([step('a.js', { state, processed, total: 100 })], { state }));

  it('is a change of state and each tenth, once', () => {
    assert.equal(announcement(undefined, at(0)), 'a.js: Running');
    assert.equal(announcement(at(8), at(9)), undefined);
    assert.equal(announcement(at(9), at(34)), 'a.js: 30% done');
    assert.equal(announcement(at(34), at(36)), undefined);
    assert.equal(announcement(at(99), at(100)), undefined);
    assert.equal(announcement(at(100), at(100, 'applied')), 'a.js: Applied');
  });
});

describe('Messages to the panel', () => {
  it('are snapshots only when they have the shape of one', () => {
    for (const snapshot of Object.values(allSnapshots)) assert.equal(isSnapshot(snapshot), true);
    for (const wrong of [null, undefined, 1, {}, { run: null }, { run: { steps: [] } }]) {
      assert.equal(isSnapshot(wrong), false);
    }
  });
});
