// The log: follows its end unless somebody has scrolled up, and can be copied whole.
import { html, nothing, type TemplateResult } from 'lit';
import { ref } from 'lit/directives/ref.js';
import type { RunSnapshot } from '../protocol/events';
import { copy, isCopied } from './clipboard';
import { clock } from './format';
import { send } from './host';
import { guardedRows, icon, rowsShown, section, shownLine, type Content, type Page } from './parts';
import { text } from './strings';

type Line = RunSnapshot['log'][number];

const linesAtFirst = 200;
const levelIcons = { info: nothing, warn: icon('warning', 'warn'), error: icon('error', 'bad') };

let lines: HTMLElement | undefined;
let atEnd = true;

const keepLines = (element: Element | undefined): void => {
  lines = element as HTMLElement | undefined;
};

export function log(page: Page): Content {
  const all = page.snapshot.log;
  if (all.length === 0) return nothing;
  const shown = all.slice(-rowsShown(page, 'log', linesAtFirst));
  const several = page.snapshot.run.steps.length > 1;
  const copied = isCopied('log');
  return section(
    'log',
    text('log.title'),
    html`${shownLine(page, 'log', { held: all.length, first: linesAtFirst, more: text('log.earlier') })}
      <div
        class="lines"
        tabindex="0"
        role="region"
        aria-label=${text('log.lines')}
        ${ref(keepLines)}
        @scroll=${noteScroll}
      >
        ${guardedRows(shown, (line) => logLine(line, several))}
      </div>`,
    html`<div class="buttons small">
      <button class="link" @click=${() => copy(page, wholeLog(all), 'log')}>
        ${icon(copied ? 'check' : 'copy')}<span>${text(copied ? 'copied' : 'log.copy')}</span>
      </button>
      <button
        class="link"
        @click=${() => send({ type: 'command', command: 'showLog', name: page.step?.name ?? '' })}
      >
        ${icon('output')}<span>${text('log.output')}</span>
      </button>
    </div>`,
  );
}

function logLine(line: Line, several: boolean): TemplateResult {
  const level =
    line.level === 'info'
      ? html`<span class="hidden">${text('log.info')}</span>`
      : html`<span class="level">${levelIcons[line.level]} ${text(`log.${line.level}`)}</span>`;
  const step =
    several && line.step ? html`<span class="line-step" title=${line.step}>${line.step}</span>` : nothing;
  return html`<div class="line ${line.level}">
    <time datetime=${line.at}>${clock(line.at)}</time>
    <div>${level}${step}<span class="said">${line.message}</span></div>
  </div>`;
}

/** Goes to the newest line after a drawing, if the reader was there before. */
export function followLog(): void {
  if (lines && atEnd) lines.scrollTop = lines.scrollHeight;
}

function noteScroll(): void {
  if (lines) atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 8;
}

function wholeLog(all: readonly Line[]): string {
  const step = (line: Line): string => (line.step ? `[${line.step}] ` : '');
  return all.map((line) => `${line.at} ${line.level.toUpperCase()} ${step(line)}${line.message}\n`).join('');
}
