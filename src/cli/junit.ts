// `--junit FILE`: the checks of `validate` and the three questions of `dry-run` as a JUnit report, which CI servers show
// beside other tests. Verdicts are no failures: a migration that cannot be repeated is a skipped case with the reason.
import { writeFile } from 'node:fs/promises';
import type { RunMode } from '../protocol/run';
import type { DryRunReport, Event, Verdict } from '../protocol/events';
import { placeOf, inLines } from './output';

interface TestCase {
  suite: string;
  name: string;
  seconds: number;
  failure?: string;
  skipped?: string;
}

/** Collects events of one run, and writes the report at its end. */
export class JunitReport {
  readonly #cases: TestCase[] = [];
  #startedAt = new Date().toISOString();
  #mode: RunMode = 'validate';

  event(event: Event): void {
    if (event.type === 'run.started') [this.#startedAt, this.#mode] = [event.at, event.mode];
    if (event.type === 'check' || event.type === 'verification') this.#check(event);
    if (event.type === 'report') this.#report(event.report);
    if (event.type === 'step.finished') this.#finished(event);
  }

  async write(file: string): Promise<void> {
    await writeFile(file, this.text());
  }

  text(): string {
    const suites = [...new Set(this.#cases.map(({ suite }) => suite))];
    return [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<testsuites name="migratory"${counts(this.#cases)}>`,
      ...suites.flatMap((name) => {
        const cases = this.#cases.filter(({ suite }) => suite === name);
        const head = `  <testsuite name="${escape(name)}" timestamp="${this.#startedAt}"${counts(cases)}>`;
        return [head, ...cases.map(caseText), '  </testsuite>'];
      }),
      '</testsuites>',
      '',
    ].join('\n');
  }

  #check({
    step,
    check,
    severity,
    outcome,
    details,
    action,
    durationMs = 0,
    ...place
  }: Extract<Event, { type: 'check' }> | Extract<Event, { type: 'verification' }>): void {
    const found = `${details}${action ? ` ${action}` : ''}${placeOf(place)}`;
    this.#cases.push({
      suite: step,
      name: check,
      seconds: durationMs / 1000,
      ...(outcome === 'failed' && severity === 'error' ? { failure: found } : {}),
      // A warning stays a note: only what stops a run may stop a pipeline.
      ...(outcome === 'failed' && severity !== 'error' ? { skipped: `${severity}: ${found}` } : {}),
      ...(outcome === 'skipped' ? { skipped: found } : {}),
    });
  }

  #report({ step, repeatable, reversible, succeeded }: DryRunReport): void {
    if (!succeeded) return;
    this.#verdict(step, 'up again', repeatable);
    this.#verdict(step, 'down', reversible);
  }

  #verdict(suite: string, name: string, { answer, details }: Verdict): void {
    const skipped = answer === 'yes' ? undefined : `${answer}: ${details}`;
    this.#cases.push({ suite, name, seconds: 0, ...(skipped === undefined ? {} : { skipped }) });
  }

  #finished({ step, durationMs, error }: Extract<Event, { type: 'step.finished' }>): void {
    const failedAlready = this.#cases.some(({ suite, failure }) => suite === step && failure !== undefined);
    const failure = error && !failedAlready ? inLines(error).join('\n') : undefined;
    this.#cases.push({
      suite: step,
      name: this.#mode === 'dry-run' ? 'up' : 'all checks',
      seconds: durationMs / 1000,
      ...(failure === undefined ? {} : { failure }),
    });
  }
}

function counts(cases: readonly TestCase[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const skipped = cases.filter((one) => one.skipped !== undefined).length;
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  return ` tests="${cases.length}" failures="${failures}" skipped="${skipped}" time="${seconds.toFixed(3)}"`;
}

function caseText({ suite, name, seconds, failure, skipped }: TestCase): string {
  const head = `    <testcase classname="${escape(suite)}" name="${escape(name)}" time="${seconds.toFixed(3)}"`;
  if (failure !== undefined)
    return `${head}>\n      <failure message="${escape(failure)}"/>\n    </testcase>`;
  if (skipped !== undefined)
    return `${head}>\n      <skipped message="${escape(skipped)}"/>\n    </testcase>`;
  return `${head}/>`;
}

/** For an attribute; what XML 1.0 cannot hold at all becomes a replacement character. */
function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[\r\n\t]/g, (character) => `&#${character.codePointAt(0)};`)
    .replaceAll(/[^\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}
