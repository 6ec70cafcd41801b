// What the panel shows of a run, worked out from a snapshot: words, icons, buttons and order. Pure, so that
// it can be tested without a browser; the run document stays the only truth.
import type { RunSnapshot } from '../protocol/events';
import type { PanelMessage } from '../protocol/panel';
import type { CheckResult, RunDocument, RunState, RunStep } from '../protocol/run';
import { finalRunStates } from '../protocol/run';
import { firstText, text } from './strings';

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'calm';

/** An icon of the codicon font, its tone (colour) and the words that say the same. */
export interface Badge {
  icon: string;
  tone: Tone;
  words: string;
}

const stateIcons: Record<RunState, [icon: string, tone: Tone]> = {
  planned: ['circle-large', 'calm'],
  checking: ['loading', 'busy'],
  running: ['loading', 'busy'],
  paused: ['debug-pause', 'warn'],
  verifying: ['loading', 'busy'],
  applied: ['pass-filled', 'good'],
  failed: ['error', 'bad'],
  'rolling-back': ['loading', 'busy'],
  'rolled-back': ['discard', 'good'],
  conflicts: ['warning', 'warn'],
  cancelled: ['circle-slash', 'calm'],
  interrupted: ['debug-disconnect', 'warn'],
};

export function isFinal(state: RunState): boolean {
  return finalRunStates.includes(state);
}

/** State of the run, or of one of its steps, as icon, tone and words. */
export function stateBadge(run: RunDocument, state: RunState = run.state): Badge {
  const [icon, tone] = stateIcons[state] ?? ['question', 'calm'];
  const wanted = isFinal(state) ? undefined : wantedState(run, state);
  if (wanted !== undefined) return { icon: 'loading', tone: 'busy', words: wanted };
  const words = firstText(`state.${state}.${run.mode}`, `state.${state}`, state);
  // A run upwards that had to go back is not the success that a roll back is, but nothing is broken either.
  if (state === 'rolled-back' && run.mode === 'up') return { icon: 'discard', tone: 'warn', words };
  return { icon, tone, words };
}

/** What was asked of the run and has not happened yet. */
function wantedState(run: RunDocument, state: RunState): string | undefined {
  if (run.control === 'cancel') return text('state.cancelling');
  if (run.control === 'pause' && state !== 'paused' && state !== 'planned') return text('state.pausing');
  if (run.control === 'resume' && state === 'paused') return text('state.resuming');
  return undefined;
}

export type StepPick = string | null;

/** The step to show: the picked one, else the one at work, the failed one, or the last that did anything. */
export function shownStep(run: RunDocument, picked: StepPick): RunStep | undefined {
  const steps = run.steps;
  return (
    steps.find((step) => step.name === picked) ??
    steps.find((step) => !isFinal(step.state) && step.state !== 'planned') ??
    steps.find((step) => step.state === 'failed' || step.state === 'interrupted') ??
    steps.findLast((step) => step.state !== 'planned') ??
    steps[0]
  );
}

export interface ControlButton {
  control: 'pause' | 'resume' | 'cancel';
  icon: string;
  label: string;
  hint: string;
  /** Why it cannot be pressed now. */
  disabled?: string;
}

/** Pause or Resume, and Cancel, while the run goes on. Rehearsals and checks can only be cancelled. */
export function controlButtons(run: RunDocument): ControlButton[] {
  if (isFinal(run.state)) return [];
  const cancel = button('cancel', 'debug-stop', cancelReason(run));
  if (run.mode !== 'up' && run.mode !== 'down') return [cancel];
  if (run.state === 'paused') return [button('resume', 'debug-continue', resumeReason(run)), cancel];
  return [button('pause', 'debug-pause', pauseReason(run)), cancel];
}

function button(
  control: ControlButton['control'],
  icon: string,
  disabled: string | undefined,
): ControlButton {
  return { control, icon, label: text(`button.${control}`), hint: text(`button.${control}.hint`), disabled };
}

function cancelReason(run: RunDocument): string | undefined {
  return run.control === 'cancel' ? text('button.why.cancelling') : undefined;
}

function resumeReason(run: RunDocument): string | undefined {
  if (run.control === 'cancel') return text('button.why.cancelling');
  return run.control === 'resume' ? text('state.resuming') : undefined;
}

function pauseReason(run: RunDocument): string | undefined {
  if (run.control === 'cancel') return text('button.why.cancelling');
  if (run.control === 'pause') return text('button.why.pausing');
  if (run.state === 'planned' || run.state === 'checking') return text('button.why.early');
  if (run.state === 'verifying') return text('button.why.late');
  return run.state === 'rolling-back' ? text('button.why.rollingBack') : undefined;
}

type Command = Extract<PanelMessage, { type: 'again' }>['command'];
export interface NextButton {
  message: PanelMessage;
  icon: string;
  label: string;
  primary: boolean;
}

/** What makes sense after the end, for one migration of the run; the first is the likeliest. */
export function nextButtons(run: RunDocument, step: RunStep | undefined): NextButton[] {
  if (!isFinal(run.state) || !step) return [];
  const next = nextFor(({ command }) => ({ type: 'command', command, name: step.name }));
  const good = step.state === 'applied';
  switch (run.mode) {
    case 'dry-run':
      return good
        ? [next('run', 'play', 'button.run', true), next('dryRun', 'beaker', 'button.dryRunAgain')]
        : [next('dryRun', 'beaker', 'button.dryRunAgain', true)];
    case 'validate':
    case 'verify':
      return good && run.mode === 'validate'
        ? [
            next('dryRun', 'beaker', 'button.dryRun', true),
            next('validate', 'checklist', 'button.validateAgain'),
          ]
        : [next('validate', 'checklist', 'button.validateAgain', true)];
    case 'down':
      return step.state === 'rolled-back'
        ? [next('run', 'play', 'button.runAgain')]
        : [next('rollBack', 'discard', 'button.rollBackAgain', true)];
    default:
      return nextAfterUp(run, step, next);
  }
}

function nextAfterUp(run: RunDocument, step: RunStep, next: Next): NextButton[] {
  if (step.state === 'applied') return [next('rollBack', 'discard', 'button.rollBack')];
  const back = leftovers(run, step) === 'stays' ? [next('rollBack', 'discard', 'button.rollBack')] : [];
  if (step.state === 'interrupted') return [goOn(run), ...back];
  if (step.state === 'planned') return [next('run', 'play', 'button.run', true)];
  return [
    next('run', 'debug-restart', 'button.runAgain', true),
    next('dryRun', 'beaker', 'button.dryRun'),
    ...back,
  ];
}

/** What a migration that did not reach its end has left behind. */
export type Leftovers = 'nothing' | 'undone' | 'stays' | 'unknown';

export function leftovers({ mode }: RunDocument, step: RunStep): Leftovers {
  if ((mode !== 'up' && mode !== 'down') || !isFinal(step.state) || step.state === 'applied')
    return 'unknown';
  // Checks come before the work, and write nothing.
  if (step.checks.some((check) => checkTone(check) === 'failed')) return 'nothing';
  if (mode === 'down' || step.state === 'conflicts') return 'unknown';
  if (step.state === 'rolled-back') return 'undone';
  return step.processed > 0 ? 'stays' : 'unknown';
}

/** The same for a run of several migrations as a whole. */
export function runButtons(run: RunDocument): NextButton[] {
  if (!isFinal(run.state) || run.steps.length < 2) return [];
  const names = (wanted: (step: RunStep) => boolean): string[] =>
    run.steps.filter(wanted).map(({ name }) => name);
  const all = nextFor(({ command }) => ({ type: 'again', command, names: names(() => true) }));
  switch (run.mode) {
    case 'dry-run':
      return run.state === 'applied'
        ? [all('run', 'run-all', 'button.runAll', true), all('dryRun', 'beaker', 'button.dryRunAgain')]
        : [all('dryRun', 'beaker', 'button.dryRunAgain', true)];
    case 'validate':
    case 'verify':
      return [all('validate', 'checklist', 'button.validateAgain', true)];
    case 'down': {
      if (run.state === 'rolled-back') return [all('run', 'run-all', 'button.runAgain')];
      const left = names(({ state }) => state !== 'rolled-back');
      const rest = nextFor(({ command }) => ({ type: 'again', command, names: left }));
      return [rest('rollBack', 'discard', 'button.rollBackRest', true)];
    }
    default:
      return run.state === 'applied' ? [all('rollBack', 'discard', 'button.rollBackAll')] : [goOn(run)];
  }
}

/** Goes on with what the run has not done: its own steps, at its own checkpoint. */
function goOn(run: RunDocument): NextButton {
  return {
    message: { type: 'control', run: run._id, control: 'resume' },
    icon: 'debug-continue',
    label: text('button.goOn'),
    primary: true,
  };
}

type Next = (
  command: Command,
  icon: string,
  label: Parameters<typeof text>[0],
  primary?: boolean,
) => NextButton;

function nextFor(message: (of: { command: Command }) => PanelMessage): Next {
  return (command, icon, label, primary = false) => ({
    message: message({ command }),
    icon,
    label: text(label),
    primary,
  });
}

export type CheckTone = 'failed' | 'warning' | 'info' | 'skipped' | 'passed';

export function checkTone(check: CheckResult): CheckTone {
  if (check.outcome === 'passed') return 'passed';
  if (check.outcome === 'skipped') return 'skipped';
  return check.severity === 'error' ? 'failed' : check.severity;
}

const checkOrder: CheckTone[] = ['failed', 'warning', 'info', 'skipped', 'passed'];
export const checkIcons: Record<CheckTone, [icon: string, tone: Tone]> = {
  failed: ['error', 'bad'],
  warning: ['warning', 'warn'],
  info: ['info', 'calm'],
  skipped: ['circle-slash', 'calm'],
  passed: ['pass', 'good'],
};

/** Checks in groups, problems first; groups without any are left out. */
export function groupChecks(checks: readonly CheckResult[]): [CheckTone, CheckResult[]][] {
  return checkOrder
    .map((tone): [CheckTone, CheckResult[]] => [tone, checks.filter((check) => checkTone(check) === tone)])
    .filter(([, group]) => group.length > 0);
}

/** 0 to 100, or null while nobody knows the total. */
export function percentage(step: RunStep): number | null {
  // What went into quarantine counts as dealt with.
  if (step.state === 'applied' || step.state === 'rolled-back') return 100;
  if (step.total === null) return null;
  if (step.total <= 0) return isFinal(step.state) ? 100 : null;
  return Math.min(100, (step.processed / step.total) * 100);
}

/** True when there is anything to say about documents: a script that only makes an index has none. */
export function hasProgress(step: RunStep): boolean {
  if (step.state === 'planned') return false;
  return !isFinal(step.state) || step.processed > 0 || (step.total ?? 0) > 0;
}

/** Takes a message of the host for a snapshot only when its outermost shape is right. */
export function isSnapshot(value: unknown): value is RunSnapshot {
  if (typeof value !== 'object' || value === null) return false;
  const { run, log, reports, conflicts, quarantined, rates } = value as Record<string, unknown>;
  if (typeof run !== 'object' || run === null || !Array.isArray((run as { steps?: unknown }).steps))
    return false;
  return [log, reports, conflicts, quarantined, rates].every(Array.isArray);
}
