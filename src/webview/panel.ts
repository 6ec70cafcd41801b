// Entry of the run panel (webview type `migratory.run`): takes whole snapshots, draws the page, sends what is
// pressed. It keeps no state of the run. The host's page links dist/codicons/codicon.css and media/panel.css,
// loads dist/panel.js and has an empty body; its policy needs no `unsafe-inline`.
import { html, nothing, render } from 'lit';
import type { RunSnapshot } from '../protocol/events';
import type { PanelHostMessage } from '../protocol/panel';
import { announcement } from './announce';
import { conflicts, quarantine } from './aside';
import { checks, verification } from './checks';
import { errors } from './errors';
import { failure } from './failure';
import { setLanguage } from './format';
import { explanation, fileButton, header, stepButtons, title } from './header';
import { emptyView, loadView, saveView, send, type ViewState } from './host';
import { followLog, log } from './log';
import { checkTone, isFinal, isSnapshot, leftovers, shownStep } from './model';
import { guarded, icon, type Content, type Page } from './parts';
import { progress } from './progress';
import { dryRunReport } from './report';
import { followStep, steps } from './steps';
import { setStrings, text } from './strings';

let snapshot: RunSnapshot | undefined;
let gone: Extract<PanelHostMessage, { type: 'gone' }> | undefined;
let view = loadView();
let ticking: ReturnType<typeof setInterval> | undefined;
let scheduled = false;
let spoken = '';
let root = freshRoot();

function freshRoot(): HTMLElement {
  const element = document.createElement('div');
  element.className = 'page';
  document.body.replaceChildren(element);
  return element;
}

/** Draws at most once a frame, however fast messages come; a hidden view draws nothing. */
function redraw(): void {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    draw();
  });
}

function draw(): void {
  try {
    render(page(), root);
    followLog();
    followStep();
  } catch (error) {
    // Drawing itself failed, so what stands in the page may be half of something: start from nothing.
    console.error(error);
    root = freshRoot();
    const message = error instanceof Error ? error.message : String(error);
    render(html`<main><p class="broken">${text('page.broken', { message })}</p></main>`, root);
  }
}

function page(): Content {
  if (gone !== undefined) return gonePage(gone);
  if (!snapshot) return html`<main class="empty"><p>${icon('loading')} ${text('page.waiting')}</p></main>`;
  const whole: Page = {
    snapshot,
    view,
    step: shownStep(snapshot.run, view.picked),
    now: Date.now(),
    update,
  };
  return html`${guarded(() => header(whole))}
    <main>${guarded(() => explanation(whole))} ${guarded(() => body(whole))}</main>
    <div class="hidden" role="status" aria-live="polite">${spoken}</div>`;
}

function gonePage({ message, action }: NonNullable<typeof gone>): Content {
  const { label, command } = action;
  return html`<main class="empty">
    ${icon('info')}
    <div role="alert">
      <h1>${text('page.gone')}</h1>
      <p>${message}</p>
      <button class="button secondary" @click=${() => send({ type: 'action', command })}>
        <span>${label}</span>
      </button>
    </div>
  </main>`;
}

/** Two columns where there is room: what happens, and beside it what was checked. */
function body(whole: Page): Content {
  const part = (draw: (page: Page) => Content): Content => guarded(() => draw(whole));
  const report = part(dryRunReport);
  // What a rehearsal has found says more than that it came to its end.
  const result = report === nothing ? part(progress) : report;
  // Checks that stopped it are what there is to say; others stand beside.
  const stopped = whole.step && leftovers(whole.snapshot.run, whole.step) === 'nothing';
  // So is a verification that said no.
  const doubted = whole.step?.verification.some((check) => checkTone(check) === 'failed') === true;
  const top = [
    part(errors),
    part(stepHead),
    part(failure),
    ...(doubted ? [part(verification)] : []),
    result,
    ...(stopped ? [part(checks)] : []),
  ];
  const beside = [part(steps), ...(stopped ? [] : [part(checks)]), ...(doubted ? [] : [part(verification)])];
  const aside = [part(conflicts), part(quarantine)];
  const main = [...top, ...aside].some((content) => content !== nothing);
  const below = [...aside, part(log)];
  const columns = main && beside.some((content) => content !== nothing);
  return html`<div class="columns ${columns ? 'two' : ''}">
    <div class="top">${top}</div>
    <div class="beside">${beside}</div>
    <div class="below">${below}</div>
  </div>`;
}

/** Of a run of several: whose details these are, and what can be done with it. */
function stepHead(whole: Page): Content {
  const { run } = whole.snapshot;
  if (run.steps.length < 2 || !whole.step) return nothing;
  return html`<div class="step-head">
    <h2>${whole.step.name}</h2>
    <div class="buttons">
      ${fileButton(whole.step)} ${isFinal(run.state) ? stepButtons(run, whole.step) : nothing}
    </div>
  </div>`;
}

function update(change: (view: ViewState) => Partial<ViewState>): void {
  view = { ...view, ...change(view) };
  saveView(view);
  redraw();
}

function take(next: RunSnapshot): void {
  const before = snapshot;
  snapshot = next;
  gone = undefined;
  if (view.run !== next.run._id) {
    view = emptyView(next.run._id);
    saveView(view);
  }
  document.title = title(next.run);
  spoken = announcement(before, next) ?? spoken;
  tick(!isFinal(next.run.state));
  redraw();
}

/** The clock of a run that goes on; a finished one needs none. */
function tick(on: boolean): void {
  if (on) ticking ??= setInterval(redraw, 1000);
  else {
    clearInterval(ticking);
    ticking = undefined;
  }
}

function receive(message: PanelHostMessage | undefined): void {
  switch (message?.type) {
    case 'strings':
      setStrings(message.strings, message.language);
      setLanguage(message.language);
      document.documentElement.lang = message.language;
      redraw();
      break;
    case 'snapshot':
      if (isSnapshot(message.snapshot)) take(message.snapshot);
      break;
    case 'gone':
      gone = message;
      tick(false);
      redraw();
      break;
  }
}

window.addEventListener('message', (event: MessageEvent<PanelHostMessage | undefined>) =>
  receive(event.data),
);
document.title = text('page.title');
setLanguage(document.documentElement.lang || 'en');
draw();
send({ type: 'ready' });
