// Checks before the run and verification after it: problems first and whole, what passed behind one line.
import { html, nothing, type TemplateResult } from 'lit';
import type { CheckResult } from '../protocol/run';
import { number } from './format';
import { copy, isCopied } from './clipboard';
import { send } from './host';
import { checkIcons, checkTone, groupChecks } from './model';
import { fold, guardedRows, icon, section, type Content, type Page } from './parts';
import { remedyOf } from './remedies';
import { plural, text } from './strings';

export function checks(page: Page): Content {
  return checkList(page, 'checks', text('checks.title'), page.step?.checks ?? []);
}

export function verification(page: Page): Content {
  return checkList(page, 'verification', text('verification.title'), page.step?.verification ?? []);
}

function checkList(page: Page, id: string, title: string, results: readonly CheckResult[]): Content {
  if (results.length === 0) return nothing;
  const passed = results.filter((check) => check.outcome === 'passed');
  const others = groupChecks(results).filter(([tone]) => tone !== 'passed');
  const alone = others.length === 0;
  const body = html`${others.map(
    ([, group]) =>
      html`<ul class="checks">
        ${guardedRows(group, (check) => checkRow(page, check))}
      </ul>`,
  )}
  ${
    passed.length === 0
      ? nothing
      : fold(
          page,
          `${id}.passed`,
          html`${icon('pass', 'good')} ${plural('checks.sum.passed', passed.length, number(passed.length))}`,
          () =>
            html`<ul class="checks">
              ${guardedRows(passed, (check) => checkRow(page, check))}
            </ul>`,
          alone && page.snapshot.run.mode === 'validate',
        )
  }`;
  return section(id, title, body, sum(results));
}

/** `1 failed, 2 warnings` beside the title, so that the folded state is told as well. */
function sum(results: readonly CheckResult[]): Content {
  const count = (tone: string): number => results.filter((check) => checkTone(check) === tone).length;
  const failed = count('failed');
  const warnings = count('warning');
  const words = [
    failed > 0 ? plural('checks.sum.failed', failed, number(failed)) : '',
    warnings > 0 ? plural('checks.sum.warning', warnings, number(warnings)) : '',
  ].filter((part) => part !== '');
  return words.length === 0 ? nothing : html`<span class="sum">${words.join(', ')}</span>`;
}

function checkRow(page: Page, check: CheckResult): TemplateResult {
  const tone = checkTone(check);
  const [name, colour] = checkIcons[tone];
  return html`<li class="check ${tone}">
    ${icon(name, colour)}
    <div>
      <p class="check-name">
        <span>${check.check}</span>
        <span class=${tone === 'passed' ? 'hidden' : 'check-tone'}>${text(`checks.${tone}`)}</span>
      </p>
      ${check.details ? html`<p class="details">${check.details}</p>` : nothing}
      ${
        check.action && check.outcome === 'failed'
          ? html`<p class="to-do"><b>${text('checks.toDo')}</b> ${check.action}</p>`
          : nothing
      }
      ${remedyButton(page, check)}
    </div>
  </li>`;
}

function remedyButton(page: Page, check: CheckResult): Content {
  const remedy = remedyOf(page, check);
  if (!remedy) return nothing;
  const { icon: symbol, label, does } = remedy;
  const press = (): void => {
    if ('send' in does) send(does.send);
    else void copy(page, does.copy);
  };
  const done = 'copy' in does && isCopied(does.copy);
  const words = done ? text('copied') : label;
  return html`<p class="remedy">
    <button
      class="link"
      aria-label=${text('button.of', { action: words, name: check.check })}
      @click=${press}
    >
      ${icon(done ? 'check' : symbol)}<span>${words}</span>
    </button>
  </p>`;
}
