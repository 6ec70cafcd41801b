// What the command line prints: event lines with --json, else text for people. In JSON mode standard output
// belongs to the events alone: whatever else is printed there goes to standard error.
import { styleText } from 'node:util';
import { formatTime } from '../engine/monitor';
import type { Event, EventBody } from '../protocol/events';
import type { ErrorInfo } from '../protocol/errors';
import type { RunMode } from '../protocol/run';
import { renderReport } from './report';

type Style = Parameters<typeof styleText>[0];
/** Without a terminal a line of progress comes at most this often. */
const plainProgressMs = 5_000;

export interface OutputOptions {
  json?: boolean;
  quiet?: boolean;
  color?: boolean;
}

export class Output {
  readonly #json: boolean;
  readonly #quiet: boolean;
  readonly #colors: boolean;
  readonly #terminal: boolean;
  readonly #write: (text: string) => void;
  #live = false;
  /** The step whose line stands there already: on its way back it begins once more. */
  #begun: string | undefined;
  #lastProgress = 0;
  /** What the run does of which steps are told. */
  #mode: RunMode = 'up';

  readonly #options: OutputOptions;

  /** @param write where lines go; without it to standard output, which in JSON mode then belongs to the events alone. */
  constructor(options: OutputOptions, write?: (text: string) => void) {
    this.#options = options;
    this.#json = options.json === true;
    this.#quiet = options.quiet === true;
    this.#terminal = process.stdout.isTTY && !this.#json;
    this.#colors = this.#terminal && options.color !== false && !process.env['NO_COLOR'];
    if (write) {
      this.#terminal = false;
      this.#write = write;
      return;
    }
    const out = process.stdout.write.bind(process.stdout);
    this.#write = (text) => void out(text);
    process.stdout.on('error', () => undefined);
    if (this.#json) process.stdout.write = process.stderr.write.bind(process.stderr);
  }

  /** The same, with a name before each line: several runs at once share the terminal. */
  prefixed(prefix: string): Output {
    const write = (text: string): void =>
      this.#write(this.#json ? text : text.replaceAll(/^(?=.)/gm, prefix));
    return new Output(this.#options, write);
  }

  get json(): boolean {
    return this.#json;
  }

  style(style: Style, text: string): string {
    return this.#colors ? styleText(style, text, { validateStream: false }) : text;
  }

  /** A line for people; nothing in JSON mode. */
  line(text: string): void {
    if (this.#json || this.#quiet) return;
    this.#endLive();
    this.#write(`${text}\n`);
  }

  /** The answer of a command that has no event of its own: a line for people, a log event in JSON mode. */
  say(message: string, level: 'info' | 'warn' | 'error' = 'info'): void {
    this.emit({ type: 'log', level, message });
    this.line(message);
  }

  /** A line that belongs to no run. */
  emit(body: EventBody): void {
    if (this.#json) this.event({ run: '', at: new Date().toISOString(), ...body });
  }

  event(event: Event): void {
    if (this.#json) this.#write(`${JSON.stringify(event)}\n`);
    else this.#tell(event);
  }

  error(info: ErrorInfo): void {
    if (this.#json) this.emit({ type: 'error', error: info });
    this.#endLive();
    const [first = '', ...details] = inLines(info);
    process.stderr.write(`${this.#colors ? styleText('red', 'error:') : 'error:'} ${first}\n`);
    for (const line of details) process.stderr.write(`  ${line}\n`);
    if (info.action?.cli) process.stderr.write(`  try: ${info.action.cli}\n`);
    for (const frame of authorFrames(info)) process.stderr.write(`  ${frame}\n`);
  }

  /** Waits until everything is out: a pipe may still hold some of it. */
  flush(): Promise<void> {
    this.#endLive();
    return new Promise((resolve) => {
      if (process.stdout.writableLength === 0) resolve();
      else process.stdout.once('drain', resolve);
    });
  }

  #tell(event: Event): void {
    if (event.type === 'run.started') {
      this.#mode = event.mode;
    } else if (event.type === 'check' || event.type === 'verification') {
      if (event.outcome !== 'failed') return;
      const mark = this.style(event.severity === 'error' ? 'red' : 'yellow', event.severity);
      const action = event.action ? ` ${event.action}` : '';
      this.line(`  ${mark}: ${event.check}: ${event.details}${action}${placeOf(event)}`);
    } else if (event.type === 'step.started') {
      if (this.#begun !== event.step) this.line(`${this.style('cyan', '▸')} ${event.step}`);
      this.#begun = event.step;
    } else if (event.type === 'progress') {
      this.#progress(event);
    } else if (event.type === 'log') {
      this.line(`  ${event.message}`);
    } else if (event.type === 'quarantined') {
      this.line(`  ${this.style('yellow', 'quarantined')}: ${JSON.stringify(event.id)}: ${event.reason}`);
    } else if (event.type === 'conflict') {
      this.line(`  ${this.style('yellow', 'conflict')}: ${JSON.stringify(event.id)}: ${event.reason}`);
    } else if (event.type === 'report') {
      for (const line of renderReport(event.report)) this.line(`  ${line}`);
    } else if (event.type === 'step.finished') {
      this.#finished(event);
    }
  }

  #progress(event: Extract<Event, { type: 'progress' }>): void {
    // A script that has done nothing yet has nothing to show.
    if (this.#quiet || (event.processed === 0 && !event.total)) return;
    const text = progressText(event);
    if (this.#terminal) {
      const bar = event.percentage === null ? '' : `${this.style('cyan', progressBar(event.percentage))} `;
      // A line that wraps could not be drawn over.
      const room = (process.stdout.columns || 80) - 3 - (bar === '' ? 0 : barWidth + 1);
      this.#write(`\r\u001b[2K  ${bar}${text.slice(0, Math.max(room, 0))}`);
      this.#live = true;
    } else if (Date.now() - this.#lastProgress > plainProgressMs) {
      this.#lastProgress = Date.now();
      this.line(`  ${text}`);
    }
  }

  #finished({ step, state, durationMs, processed, error }: Extract<Event, { type: 'step.finished' }>): void {
    this.#begun = undefined;
    const good = state === 'applied' || (state === 'rolled-back' && error === null);
    const mark = good ? this.style('green', '✓') : this.style('red', '✗');
    const word = (good && outcomes[this.#mode]) || state;
    const documents =
      processed === 0 ? '' : `, ${processed.toLocaleString('en')} document${processed === 1 ? '' : 's'}`;
    this.line(`${mark} ${step}: ${word} (${(durationMs / 1000).toFixed(1)} s${documents})`);
  }

  #endLive(): void {
    if (this.#live) this.#write('\n');
    this.#live = false;
  }
}

/** Good ends of steps that change nothing: their state speaks of what would be. */
const outcomes: Partial<Record<RunMode, string>> = {
  'dry-run': 'rehearsed',
  validate: 'checked',
  verify: 'verified',
};

const barWidth = 24;
/** Eighths of a cell, so that slow transfers are seen to move. */
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

function progressBar(percentage: number): string {
  const cells = (Math.min(Math.max(percentage, 0), 100) / 100) * barWidth;
  const filled = '█'.repeat(Math.floor(cells)) + (eighths[Math.floor((cells % 1) * 8)] ?? '');
  return filled.padEnd(barWidth, '░');
}

function progressText({
  processed,
  total,
  percentage,
  rate,
  etaSeconds,
}: Extract<Event, { type: 'progress' }>): string {
  const of = total === null ? '' : ` of ${total.toLocaleString('en')} (${percentage ?? 0} %)`;
  const eta = etaSeconds === null || etaSeconds === 0 ? '' : `, ${formatTime(etaSeconds)} left`;
  return `${processed.toLocaleString('en')}${of} documents, ${Math.round(rate).toLocaleString('en')}/s${eta}`;
}

/** The first line of an error's message, with its place. */
export function sentence(info: ErrorInfo): string {
  return inLines(info)[0] ?? '';
}

/** The message line by line; the place stands in the first, where problem matchers look for it. */
export function inLines(info: ErrorInfo): string[] {
  const lines = info.message.split(/\r?\n/).map((line) => line.trimEnd());
  const [first = '', ...details] = lines.filter((line) => line !== '');
  return [`${first}${placeOf(info)}`, ...details];
}

/** ` (file:line:column)`, as far as it is known. */
export function placeOf({ file, line, column }: Pick<ErrorInfo, 'file' | 'line' | 'column'>): string {
  return file ? ` (${file}${line ? `:${line}:${column ?? 1}` : ''})` : '';
}

/** The frames of a stack that lie in the author's own files. */
function authorFrames({ user, stack }: ErrorInfo): string[] {
  if (user || !stack) return [];
  const frames = stack.split('\n').filter((line) => /^\s*(?:at |File ")/.test(line));
  return frames
    .filter(
      (line) =>
        !line.includes(__filename) &&
        !/node:|node_modules|site-packages|[\\/]dist[\\/](?:cli|runner)\.js|Promise\.all \(index/.test(line),
    )
    .map((line) => line.trim());
}
