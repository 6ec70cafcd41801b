// The top of the page, always in view: what, which way, in which state, where, since when and by whom, and
// the buttons that make sense now.
import { html, nothing, type TemplateResult } from 'lit';
import type { RunDocument, RunStep } from '../protocol/run';
import { clock, duration, moment, number, secondsBetween, wholeSeconds } from './format';
import { send } from './host';
import {
  controlButtons,
  isFinal,
  nextButtons,
  runButtons,
  stateBadge,
  type ControlButton,
  type NextButton,
} from './model';
import { icon, type Content, type Page } from './parts';
import { firstText, plural, text } from './strings';

export function header(page: Page): TemplateResult {
  const { run } = page.snapshot;
  const badge = stateBadge(run);
  return html`<header>
    <div class="state-icon">${icon(badge.icon, badge.tone)}</div>
    <div class="what">
      <h1 title=${title(run)}>${title(run)}</h1>
      <p class="state">
        <span class="mode">${firstText(`mode.${run.mode}`, run.mode)}</span>
        <span class="state-words">${badge.words}</span>
        ${asideWords(run)}
      </p>
    </div>
    <div class="buttons">${buttons(page, run)}</div>
    ${facts(page, run)}
  </header>`;
}

/** What a state means and what follows from it, where the word alone does not say it. */
export function explanation({ snapshot: { run } }: Page): Content {
  if (run.state !== 'interrupted') return nothing;
  return html`<p class="explain">${text('explain.interrupted')}</p>`;
}

/** That documents were left out must not hide behind a good end. */
function asideWords({ mode, steps }: RunDocument): Content {
  const count = steps.reduce((sum, { quarantined }) => sum + quarantined, 0);
  if (count === 0) return nothing;
  return html`<span class="aside-words">
    ${icon('warning', 'warn')}
    ${plural(mode === 'dry-run' ? 'header.wouldBeQuarantined' : 'header.quarantined', count, number(count))}
  </span>`;
}

export function title(run: RunDocument): string {
  const [first] = run.steps;
  if (run.steps.length === 1 && first) return first.name;
  return plural('header.migrations', run.steps.length, number(run.steps.length));
}

function facts(page: Page, run: RunDocument): TemplateResult {
  const elapsed = secondsBetween(
    run.startedAt,
    run.endedAt ?? (isFinal(run.state) ? run.heartbeatAt : page.now),
  );
  const program = firstText(`program.${run.program}`, run.program);
  return html`<dl class="facts">
    <div class="target ${run.production ? 'production' : ''}">
      <dt>${icon('database')}<span class="hidden">${text('header.target')}</span></dt>
      <dd>
        ${run.target} ${connectionMark(run)}
        ${run.production ? html`<span class="production-mark">${text('header.production')}</span>` : nothing}
      </dd>
    </div>
    <div title=${text('header.startedAt', { time: moment(run.startedAt) })}>
      <dt>${icon('watch')}<span class="hidden">${text('header.elapsed')}</span></dt>
      <dd>${isFinal(run.state) ? duration(elapsed) : wholeSeconds(elapsed)}</dd>
    </div>
    <div>
      <dt>${icon('account')}<span class="hidden">${text('header.startedBy')}</span></dt>
      <dd>${text('header.by', { program, host: run.host })}, ${clock(run.startedAt)}</dd>
    </div>
    ${fileFact(run)}
  </dl>`;
}

/** The migration's own file; with several, each has its own at its name. */
function fileFact({ steps: [step, ...others] }: RunDocument): Content {
  if (step?.file === undefined || others.length > 0) return nothing;
  return html`<div>
    <dt class="hidden">${text('header.file')}</dt>
    <dd>${fileButton(step)}</dd>
  </div>`;
}

export function fileButton({ name, file }: RunStep): Content {
  if (file === undefined) return nothing;
  const label = text('button.of', { action: text('header.openFile'), name });
  return html`<button
    class="link"
    title=${file}
    aria-label=${label}
    @click=${() => send({ type: 'openFile', file })}
  >
    ${icon('go-to-file')}<span>${text('header.openFile')}</span>
  </button>`;
}

/** The connection's own name, where the target does not say it already. */
function connectionMark({ connectionName, target }: RunDocument): Content {
  if (!connectionName || target.includes(connectionName)) return nothing;
  return html`<span class="connection">${text('header.connection', { name: connectionName })}</span>`;
}

function buttons(page: Page, run: RunDocument): Content {
  if (!isFinal(run.state)) return html`${controlButtons(run).map((button) => controlButton(run, button))}`;
  // With several migrations, the buttons of one stand at its name.
  if (run.steps.length === 1) return stepButtons(run, page.step);
  return html`${runButtons(run).map((button) => nextButton(title(run), button))}`;
}

/** What can be done next with one migration of a finished run. */
export function stepButtons(run: RunDocument, step: RunStep | undefined): Content {
  if (!step) return nothing;
  // Beside the buttons of the whole run those of one migration are second.
  const buttons = nextButtons(run, step).map((button) => ({
    ...button,
    primary: button.primary && run.steps.length === 1,
  }));
  return html`${buttons.map((button) => nextButton(step.name, button))}`;
}

function controlButton(run: RunDocument, button: ControlButton): TemplateResult {
  const { disabled } = button;
  const press = (): void => {
    if (disabled === undefined) send({ type: 'control', run: run._id, control: button.control });
  };
  // Not the `disabled` attribute: the keyboard must still reach the button to hear why it rests.
  return html`<button
    class=${button.control === 'resume' ? 'button' : 'button secondary'}
    aria-disabled=${disabled === undefined ? 'false' : 'true'}
    aria-description=${disabled ?? button.hint}
    title=${disabled ?? button.hint}
    @click=${press}
  >
    ${icon(button.icon)}<span>${button.label}</span>
  </button>`;
}

function nextButton(name: string, button: NextButton): TemplateResult {
  const label = text('button.of', { action: button.label, name });
  return html`<button
    class="button ${button.primary ? '' : 'secondary'}"
    aria-label=${label}
    title=${label}
    @click=${() => send(button.message)}
  >
    ${icon(button.icon)}<span>${button.label}</span>
  </button>`;
}
