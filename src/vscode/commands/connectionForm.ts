// Asks for a connection step by step: its string, pasted or put together from host, login and TLS, then the database, a
// name and marks. Knows nothing about storing or testing it.
import * as vscode from 'vscode';
import { databaseInUri, validateUri } from '../../project/target';
import type { ConnectionDraft } from '../connectionRecords';
import type { UriFields } from '../connectionUri';
import { emptyFields, fieldsOf, uriOf } from '../connectionUri';
import { databaseProblem, hostOf } from '../target';
import type { Outcome, Place, Step, TextQuestion } from './multiStep';
import { askPick, askText, walk } from './multiStep';
import { uriSteps } from './connectionUriSteps';

const t = vscode.l10n.t;

/** Answers that are there so far. */
interface Answers {
  /** The string is put together from `fields`. */
  byForm: boolean;
  uri: string;
  fields: UriFields;
  database?: string;
  name?: string;
  marks: Pick<ConnectionDraft, 'production' | 'readOnly'>;
}

/** Undefined when the person backed out. `taken` are names that others have. */
export async function askForDraft(
  title: string,
  before: ConnectionDraft | undefined,
  taken: ReadonlySet<string>,
): Promise<ConnectionDraft | undefined> {
  const answers: Answers = {
    byForm: false,
    uri: before?.uri ?? '',
    fields: fieldsOf(before?.uri ?? '') ?? emptyFields,
    database: before?.database,
    name: before?.name,
    marks: { production: before?.production === true, readOnly: before?.readOnly === true },
  };
  const done = await walk(title, [
    { applies: () => true, ask: (place) => askForUri(place, answers) },
    ...uriSteps(answers),
    textStep(answers, 'database', () => ({
      prompt: t('Database that holds the migrations’ ledger and that they work on'),
      value: answers.database ?? databaseInUri(answers.uri),
      problem: (text) => databaseProblem(text, t),
    })),
    textStep(answers, 'name', () => ({
      prompt: t('Name of the connection'),
      value: answers.name ?? freeName(`${answers.database} on ${hostOf(uriIn(answers))}`, taken),
      problem: (text) => nameProblem(text, taken),
    })),
    { applies: () => true, ask: (place) => askForMarks(place, answers) },
  ]);
  const { database, name, marks } = answers;
  if (!done || database === undefined || name === undefined) return undefined;
  return { uri: uriIn(answers), database, name, ...marks };
}

function uriIn({ byForm, uri, fields }: Answers): string {
  return byForm ? uriOf(fields) : uri;
}

async function askForUri(place: Place, answers: Answers): Promise<Outcome> {
  const answer = await askText(place, {
    prompt: t(
      'Paste the connection string, or press Enter on the empty box to fill in host, login and TLS. It is kept in the secret storage of this machine, nowhere else.',
    ),
    placeHolder: 'mongodb://localhost:27017/shop',
    value: answers.uri,
    secret: answers.uri.includes('@'),
    problem: (text) => (text === '' ? undefined : validateUri(text)),
    button: {
      iconPath: new vscode.ThemeIcon('list-selection'),
      tooltip: t('Fill in host, login and TLS instead'),
    },
  });
  if (answer === 'back' || answer === 'cancel') return answer;
  const text = answer === 'button' ? answers.uri : answer.text;
  answers.byForm = answer === 'button' || text === '';
  if (text !== answers.uri) answers.fields = fieldsOf(text) ?? answers.fields;
  answers.uri = text;
  return 'next';
}

function textStep(answers: Answers, key: 'database' | 'name', question: () => TextQuestion): Step {
  return {
    applies: () => true,
    async ask(place) {
      const answer = await askText(place, question());
      if (typeof answer === 'string') return answer === 'button' ? 'next' : answer;
      answers[key] = answer.text;
      return 'next';
    },
  };
}

async function askForMarks(place: Place, answers: Answers): Promise<Outcome> {
  const production = {
    label: t('Production'),
    detail: t('Runs there ask for the name of the database to be typed.'),
  };
  const readOnly = {
    label: t('Read-only'),
    detail: t('Nothing is run or rolled back there; states are shown.'),
  };
  const { marks } = answers;
  const picked = await askPick(place, {
    placeHolder: t('Mark it, or just press Enter'),
    items: [production, readOnly],
    chosen: [...(marks.production ? [production] : []), ...(marks.readOnly ? [readOnly] : [])],
    many: true,
  });
  if (typeof picked === 'string') return picked;
  answers.marks = {
    production: picked.items.includes(production),
    readOnly: picked.items.includes(readOnly),
  };
  return 'next';
}

/** `wanted`, or the first of `wanted (2)`, `wanted (3)`, … that nobody has. */
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  let number = 2;
  while (taken.has(`${wanted} (${number})`)) number++;
  return `${wanted} (${number})`;
}

function nameProblem(name: string, taken: ReadonlySet<string>): string | undefined {
  if (name.trim() === '') return t('A connection needs a name.');
  return taken.has(name.trim()) ? t('Another connection has this name.') : undefined;
}
