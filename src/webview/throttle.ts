// The speed limit of a run at work: a slider over whole steps, and the other limits in words. What is chosen goes
// into the run document, which the run obeys within a second; until it says so, the slider shows what was chosen.
import { html, nothing } from 'lit';
import { live } from 'lit/directives/live.js';
import type { RunDocument, RunThrottle } from '../protocol/run';
import { number } from './format';
import { send } from './host';
import type { Content, Page } from './parts';
import { canBeThrottled, placeOf, speeds } from './speeds';
import { plural, text } from './strings';

/** Longer than a run takes to obey; then what the run says counts again. */
const patienceMs = 6_000;
const settledMs = 300;

let chosen: { run: string; limit: number | undefined; at: number } | undefined;
let sending: ReturnType<typeof setTimeout> | undefined;

export function throttle(page: Page): Content {
  const { run } = page.snapshot;
  if (!canBeThrottled(run)) return nothing;
  const limit = shownLimit(run, page.now);
  const words = limitWords(limit);
  return html`<div class="throttle">
    <label for="throttle">${text('throttle.label')}</label>
    <input
      id="throttle"
      type="range"
      min="0"
      max=${speeds.length}
      step="1"
      .value=${live(String(placeOf(limit)))}
      aria-valuetext=${words}
      aria-describedby="throttle-hint"
      @input=${(event: Event) => choose(page, event.target as HTMLInputElement)}
    />
    <b aria-hidden="true">${words}</b>
    <p id="throttle-hint" class="hint">${hint(page, run.throttle)}</p>
  </div>`;
}

function shownLimit(run: RunDocument, now: number): number | undefined {
  const said = run.throttle?.docsPerSecond;
  // Once the run has said it, what anybody changes afterwards counts.
  if (chosen?.run !== run._id || chosen.limit === said || now - chosen.at > patienceMs) chosen = undefined;
  return chosen ? chosen.limit : said;
}

function limitWords(limit: number | undefined): string {
  return limit === undefined
    ? text('throttle.none')
    : plural('throttle.perSecond', limit, number(limit, limit < 10 ? 1 : 0));
}

/** Walking over the slider by keyboard sends where it comes to rest. */
function choose(page: Page, slider: HTMLInputElement): void {
  const run = page.snapshot.run._id;
  const limit = speeds[Number(slider.value)];
  chosen = { run, limit, at: Date.now() };
  clearTimeout(sending);
  sending = setTimeout(() => send({ type: 'throttle', run, docsPerSecond: limit ?? null }), settledMs);
  page.update(() => ({}));
}

function hint({ step }: Page, limits: RunThrottle | undefined): string {
  const others = [
    limits?.maxLagSeconds === undefined ? '' : text('throttle.lag', { n: number(limits.maxLagSeconds, 1) }),
    limits?.maxLatencyMs === undefined ? '' : text('throttle.latency', { n: number(limits.maxLatencyMs) }),
  ];
  const held = step?.kind === 'script' ? text('throttle.script') : text('throttle.hint');
  return [held, ...others.filter((words) => words !== '')].join(' ');
}
