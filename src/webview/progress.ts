// Progress of the shown migration: bar, documents, rate with its chart, time left, and what went aside.
import { html, nothing, svg, type TemplateResult } from 'lit';
import type { RunStep } from '../protocol/run';
import { duration, number, percent, rate, secondsBetween, wholeSeconds } from './format';
import { hasProgress, isFinal, percentage, stateBadge } from './model';
import { icon, section, type Content, type Page } from './parts';
import { sparkline } from './sparkline';
import { plural, text } from './strings';

const chart = { width: 600, height: 48, seconds: 60 };

export function progress(page: Page): Content {
  const { step } = page;
  if (!step || !hasProgress(step)) return nothing;
  const done = percentage(step);
  const badge = stateBadge(page.snapshot.run, step.state);
  return section(
    'progress',
    text('progress.title'),
    html`<div class="progress-line">
        ${done === null ? nothing : html`<span class="percent">${percent(done)}</span>`}
        <span class="activity">${isFinal(step.state) ? badge.words : (step.activity ?? badge.words)}</span>
      </div>
      ${bar(step, done, badge.tone)} ${rateChart(page, step)}
      ${step.state === 'checking' ? nothing : figures(page, step)}`,
  );
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
  const took = step.startedAt ? secondsBetween(step.startedAt, endOf(page, step)) : 0;
  const of =
    step.total === null ? text('progress.handled') : text('progress.ofTotal', { total: number(step.total) });
  return html`<dl class="figures-grid">
    ${figure(text('progress.documents'), number(step.processed), of)}
    ${moving ? figure(text('progress.rate'), text('progress.perSecond', { n: rate(step.rate) })) : nothing}
    ${
      moving
        ? figure(
            text('progress.left'),
            step.etaSeconds === null ? text('progress.unknown') : wholeSeconds(step.etaSeconds),
          )
        : figure(text('progress.took'), duration(took))
    }
    ${
      step.batchMs > 0
        ? figure(text('progress.batch'), text('progress.milliseconds', { n: number(step.batchMs) }))
        : nothing
    }
    ${asideFigure(text('progress.errors'), step.errors, 'bad')}
    ${asideFigure(text('progress.quarantined'), step.quarantined, 'warn')}
    ${asideFigure(text('progress.conflicts'), step.conflicts, 'warn')}
  </dl>`;
}

/** An interrupted migration has no end; its run was last heard of at the heartbeat. */
function endOf(page: Page, step: RunStep): string | Date | number {
  return step.endedAt ?? (isFinal(step.state) ? page.snapshot.run.heartbeatAt : page.now);
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
    <span class="peak">${text('progress.peak', { n: rate(max) })}</span>
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
