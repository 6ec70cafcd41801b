// What went wrong: the sentence, the place in the author's file, what to do, the causes, the stack folded.
import { html, nothing, type TemplateResult } from 'lit';
import type { ErrorInfo } from '../protocol/errors';
import { send } from './host';
import { leftovers } from './model';
import { fold, icon, section, type Content, type Page } from './parts';
import { documentLink, placeLink } from './places';
import { text } from './strings';

export function failure(page: Page): Content {
  const own = page.step?.error ?? null;
  const whole = page.snapshot.run.error;
  const errors = [own, whole?.message === own?.message ? null : whole].filter((error) => error != null);
  if (errors.length === 0) return nothing;
  return section(
    'failure',
    text('error.title'),
    html`${errors.map((error, index) => errorBlock(page, error, `error.${index}`))} ${untouched(page)}`,
  );
}

/** The first thing that people want to know: whether their data was touched. */
function untouched({ snapshot, step }: Page): Content {
  if (!step || leftovers(snapshot.run, step) !== 'nothing') return nothing;
  return html`<p class="untouched">${icon('shield', 'good')}<span>${text('left.nothing')}</span></p>`;
}

export function errorBlock(page: Page, error: ErrorInfo, key: string): TemplateResult {
  return html`<div class="problem">
    <p class="message">${icon('error', 'bad')}<span>${label(error)}${error.message}</span></p>
    ${links(page, error)} ${remedy(error)} ${causes(error)}
    ${
      error.stack && !error.user
        ? fold(page, `${key}.stack`, text('error.stack'), () => html`<pre tabindex="0">${error.stack}</pre>`)
        : nothing
    }
  </div>`;
}

function label(error: ErrorInfo): Content {
  if (error.user || !error.name) return nothing;
  const code = error.code === undefined ? '' : ` ${error.code}`;
  return error.name === 'Error' && code === '' ? nothing : html`<code>${error.name}${code}:</code> `;
}

function links(page: Page, error: ErrorInfo): Content {
  const { document } = error;
  const open =
    document && page.step ? documentLink(page, { of: 'errors', step: page.step.name, ...document }) : nothing;
  const place = placeLink(error);
  return open === nothing && place === nothing
    ? nothing
    : html`<p class="buttons small">${place} ${open}</p>`;
}

function remedy(error: ErrorInfo): Content {
  if (!error.action) return nothing;
  const { label, command, cli } = error.action;
  // A button says what it does; in a terminal there is none.
  if (command !== undefined) {
    return html`<p>
      <button class="button secondary" @click=${() => send({ type: 'action', command })}>
        <span>${label}</span>
      </button>
    </p>`;
  }
  return html`<p class="to-do">
    <b>${text('error.toDo')}</b> ${label}${cli === undefined ? nothing : html` <code>${cli}</code>`}
  </p>`;
}

function causes(error: ErrorInfo): Content {
  const chain: ErrorInfo[] = [];
  for (let cause = error.cause; cause && chain.length < 10; cause = cause.cause) chain.push(cause);
  if (chain.length === 0) return nothing;
  return html`<ul class="causes">
    ${chain.map(
      (cause) =>
        html`<li><b>${text('error.cause')}</b> ${label(cause)}${cause.message} ${placeLink(cause)}</li>`,
    )}
  </ul>`;
}
