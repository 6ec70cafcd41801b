// The migrations of a run of several, with their states; picking one shows its details.
import { html, nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import type { RunStep } from '../protocol/run';
import { duration, number, percent, secondsBetween } from './format';
import { isFinal, percentage, stateBadge } from './model';
import { guardedRows, icon, rowsShown, section, shownLine, type Content, type Page } from './parts';
import { text } from './strings';

const stepsAtFirst = 100;

let list: HTMLElement | undefined;
/** The one that was picked when the page was drawn last. */
let followed: string | undefined;

const keepList = (element: Element | undefined): void => {
  list = element as HTMLElement | undefined;
};

export function steps(page: Page): Content {
  const { run } = page.snapshot;
  if (run.steps.length < 2) return nothing;
  const done = run.steps.filter((step) => step.state === 'applied' || step.state === 'rolled-back').length;
  const shown = run.steps.slice(0, rowsShown(page, 'steps', stepsAtFirst));
  return section(
    'steps',
    text('steps.title'),
    html`<ol class="steps" ${ref(keepList)}>
        ${guardedRows(shown, (step) => stepRow(page, step))}
      </ol>
      ${shownLine(page, 'steps', { held: run.steps.length, first: stepsAtFirst })}`,
    html`<span class="sum">
      ${text('steps.done', { done: number(done), total: number(run.steps.length) })}
    </span>`,
  );
}

function stepRow(page: Page, step: RunStep): TemplateResult {
  const badge = stateBadge(page.snapshot.run, step.state);
  const picked = page.step === step;
  return html`<li>
    <button
      class="step ${picked ? 'picked' : ''}"
      aria-current=${picked ? 'true' : nothing}
      title=${text('steps.show', { name: step.name })}
      @click=${() => page.update(() => ({ picked: step.name }))}
    >
      ${icon(badge.icon, badge.tone)}
      <span class="step-name">${step.name}</span>
      <span class="step-state">${badge.words}${stepTail(step)}</span>
      ${step.error ? html`<span class="step-error">${firstLine(step.error.message)}</span>` : nothing}
    </button>
  </li>`;
}

/** After a drawing: brings another one that is shown now into view, and leaves the list alone otherwise. */
export function followStep(): void {
  const picked = list?.querySelector<HTMLElement>('.picked');
  if (!list || !picked || picked.title === followed) return;
  followed = picked.title;
  const above = picked.offsetTop < list.scrollTop;
  const below = picked.offsetTop + picked.offsetHeight > list.scrollTop + list.clientHeight;
  if (above || below) list.scrollTop = picked.offsetTop - (list.clientHeight - picked.offsetHeight) / 2;
}

/** Enough to tell the errors of several migrations apart; the rest stands at the one that is picked. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

function stepTail(step: RunStep): string {
  if (isFinal(step.state)) {
    if (!step.startedAt || !step.endedAt) return '';
    return `, ${duration(secondsBetween(step.startedAt, step.endedAt))}`;
  }
  const done = step.state === 'planned' ? null : percentage(step);
  return done === null ? '' : `, ${percent(done)}`;
}
