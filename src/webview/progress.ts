// Progress of the shown migration: bar, documents, rate with its chart, speed limit, time left, and what went
// aside; after its end what is left of it.
import { html, nothing, svg, type TemplateResult } from 'lit';
import type { RunStep } from '../protocol/run';
import { duration, number, percent, rate, secondsBetween, wholeSeconds } from './format';
import { hasProgress, isFinal, leftovers, percentage, stateBadge } from './model';
import { icon, section, type Content, type Page } from './parts';
import { sparkline } from './sparkline';
import { plural, text } from './strings';
import { throttle } from './throttle';

const chart = { width: 600, height: 48, seconds: 60 };

export function progress(page: Page): Content {
  const { step } = page;
  if (!step || !hasProgress(step)) return nothing;
  const title = isFinal(step.state) ? text('progress.result') : text('progress.title');
  if (leftovers(page.snapshot.run, step) === 'undone') return section('progress', title, undone(step));
  const done = percentage(step);
  const badge = stateBadge(page.snapshot.run, step.state);
  return section(
    'progress',
    title,
    html`<div class="progress-line">
        ${done === null ? nothing : html`<span class="percent">${percent(done)}</span>`}
        <span class="activity">${isFinal(step.state) ? badge.words : (step.activity ?? badge.words)}</span>
      </div>
      ${bar(step, done, badge.tone)} ${leftBehind(page, step)} ${rateChart(page, step)}
      ${step.state === 'checking' ? nothing : figures(page, step)}
      ${step.state === 'checking' ? nothing : throttle(page)}`,
  );
}

/** A share of what was put back, or a red bar, would say that something is left to do or broken. */
function undone(step: RunStep): TemplateResult {
  const { processed } = step;
  return html`<div class="undone">
    ${icon('shield', 'good')}
    <div>
      <p class="undone-title">${text('left.undone')}</p>
      <p class="details">
        ${processed > 0 ? plural('left.putBack', processed, number(processed)) : text('left.putBackAll')}
        ${text('left.runAgain')}
      </p>
    </div>
  </div>`;
}

/** Of one that stopped half-way: what that means, and the two ways on. */
function leftBehind(page: Page, step: RunStep): Content {
  // Of an interrupted run the head says it.
  if (step.state === 'interrupted' || leftovers(page.snapshot.run, step) !== 'stays') return nothing;
  const words = step.kind === 'script' ? text('left.script') : text('left.transform');
  return html`<p class="left-behind">${words}</p>`;
}

function bar(step: RunStep, done: number | null, tone: string): TemplateResult {
  const moving = !isFinal(step.state) && step.state !== 'paused';
  const indeterminate = done === null && moving;
  return html`<div
    class="bar tone-${tone} ${indeterminate ? 'indeterminate' : ''}"
    role="progressbar"
    aria-label=${step.name}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${done === null ? nothing : Math.floor(done)}
  >
    <svg width="100%" height="100%" aria-hidden="true">
      <rect height="100%" width=${indeterminate ? '30%' : `${done ?? 0}%`}></rect>
    </svg>
  </div>`;
}

function figures(page: Page, step: RunStep): TemplateResult {
  const moving = !isFinal(step.state) && step.state !== 'paused';
  const of =
    step.total === null ? text('progress.handled') : text('progress.ofTotal', { total: number(step.total) });
  // Nothing can be in conflict on the way up.
  const conflicts = page.snapshot.run.mode === 'down' || step.conflicts > 0;
  // Errors that are all in quarantine are told once.
  const others = step.errors > step.quarantined;
  return html`<dl class="figures-grid">
    ${figure(text('progress.documents'), number(step.processed), of)}
    ${moving ? figure(text('progress.rate'), text('progress.perSecond', { n: rate(step.rate) })) : nothing}
    ${
      moving
        ? figure(
            text('progress.left'),
            step.etaSeconds === null ? text('progress.unknown') : wholeSeconds(step.etaSeconds),
          )
        : figure(text('progress.took'), duration(took(page, step)))
    }
    ${
      step.batchMs > 0
        ? figure(text('progress.batch'), text('progress.milliseconds', { n: number(step.batchMs) }))
        : nothing
    }
    ${others ? asideFigure(text('progress.errors'), step.errors, 'bad') : nothing}
    ${asideFigure(text('progress.quarantined'), step.quarantined, 'warn')}
    ${conflicts ? asideFigure(text('progress.conflicts'), step.conflicts, 'warn') : nothing}
  </dl>`;
}

/** An interrupted migration has no end; its run was last heard of at the heartbeat. */
function took({ snapshot, now }: Page, { startedAt, endedAt, state }: RunStep): number {
  const end = endedAt ?? (isFinal(state) ? snapshot.run.heartbeatAt : now);
  return startedAt ? secondsBetween(startedAt, end) : 0;
}

function figure(label: string, value: string, small: string = ''): TemplateResult {
  return html`<div>
    <dt>${label}</dt>
    <dd>${value} ${small === '' ? nothing : html`<small>${small}</small>`}</dd>
  </div>`;
}

function asideFigure(label: string, count: number, tone: 'bad' | 'warn'): TemplateResult {
  const mark = count === 0 ? nothing : icon(tone === 'bad' ? 'error' : 'warning', tone);
  return html`<div class=${count === 0 ? 'none' : ''}>
    <dt>${label}</dt>
    <dd>${mark} ${number(count)}</dd>
  </div>`;
}

function rateChart(page: Page, step: RunStep): Content {
  // The rates belong to the migration at work; another one that somebody picked has none.
  const { rates, run } = page.snapshot;
  const last = run.steps.findLast((one) => one.state !== 'planned');
  if (rates.length < 3 || last !== step) return nothing;
  const slots = Math.max(chart.seconds, Math.min(rates.length, 300));
  const { line, area, max } = sparkline(
    rates,
    chart.width,
    chart.height,
    isFinal(step.state) ? rates.length : slots,
  );
  if (max === 0) return nothing;
  const shown = Math.min(rates.length, slots);
  const label = plural('progress.chart', shown, number(shown), {
    max: text('progress.perSecond', { n: rate(max) }),
  });
  return html`<div class="chart">
    <p class="chart-legend" aria-hidden="true">
      <span>${text('progress.peak', { n: rate(max) })}</span>
      <span>${text('progress.span', { time: wholeSeconds(shown) })}</span>
    </p>
    <svg
      role="img"
      aria-label=${label}
      viewBox="0 0 ${chart.width} ${chart.height}"
      preserveAspectRatio="none"
    >
      ${svg`<path class="area" d=${area}></path><path class="line" d=${line}></path>`}
    </svg>
  </div>`;
}
